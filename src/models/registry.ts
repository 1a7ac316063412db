import { FtctlError } from '../errors/index.js';
import { mobilenetV2 } from './families/mobilenet-v2.js';
import { basicResnet, basicResnets } from './families/resnet.js';
import { squeezenet, squeezenets } from './families/squeezenet.js';
import { nearestNames } from './nearest-names.js';
import type { AffineLayer, Network } from './network.js';

/** Everything that determines a network's description. Plain JSON: it is stored beside the weights that it describes. */
export interface NetworkSpec {
  readonly architecture: string;
  readonly width: number;
  readonly numClasses: number;
  readonly convention: 'torchvision' | 'tensorflow';
  readonly batchNorm: 'separate' | 'folded';
  readonly inputAffine: Pick<AffineLayer, 'scale' | 'shift'> | null;
}

/** A network exactly as torchvision has it. */
export function torchvisionSpec(
  architecture: string,
  width: number,
  numClasses: number,
): NetworkSpec {
  return {
    architecture,
    width,
    numClasses,
    convention: 'torchvision',
    batchNorm: 'separate',
    inputAffine: null,
  };
}

/** The architectures that ftctl has, sorted. */
const architectureNames: readonly string[] = [
  ...Object.keys(basicResnets),
  ...Object.keys(squeezenets),
  'mobilenet_v2',
].sort();

/** Refuses what no family can build: FT_MODEL_UNKNOWN (with the nearest names) or FT_MODEL_WIDTH. */
export function checkArchitecture(architecture: string, width: number): void {
  if (!architectureNames.includes(architecture)) {
    const nearest = nearestNames(architecture, architectureNames, 3);
    throw new FtctlError('FT_MODEL_UNKNOWN', {
      what: `There is no architecture ${JSON.stringify(architecture)}.`,
      why: `Did you mean ${nearest[0]}? The architectures are ${architectureNames.join(', ')}.`,
      details: { architecture, nearest, architectures: architectureNames },
    });
  }
  if (architecture === 'mobilenet_v2' ? !(width > 0 && width <= 16) : width !== 1) {
    const allowed = architecture === 'mobilenet_v2' ? 'over 0 and at most 16' : '1';
    throw new FtctlError('FT_MODEL_WIDTH', {
      what: `model.width is ${width}.`,
      why: `For ${architecture} it must be ${allowed}.`,
      details: { architecture, width },
    });
  }
}

/** The description of a network. Throws FT_MODEL_UNKNOWN or FT_MODEL_WIDTH. */
export function describeNetwork(spec: NetworkSpec): Network {
  const { architecture, width, numClasses, convention, batchNorm, inputAffine } = spec;
  checkArchitecture(architecture, width);
  if (architecture === 'mobilenet_v2') {
    return mobilenetV2({ width, padding: convention, batchNorm, inputAffine }, numClasses);
  }
  if (convention !== 'torchvision' || batchNorm !== 'separate' || inputAffine !== null) {
    throw new Error(`${architecture} is described in torchvision's convention only`);
  }
  const version = squeezenets[architecture];
  if (version !== undefined) return squeezenet(version, numClasses);
  return basicResnet(basicResnets[architecture]!, numClasses);
}
