import { architectureAliases } from '../config/architecture-aliases.js';
import { FtctlError } from '../errors/index.js';
import { alexnet } from './families/alexnet.js';
import { densenet, densenets } from './families/densenet.js';
import { inceptionTransform, inceptionV3 } from './families/inception-v3.js';
import { mobilenetV2 } from './families/mobilenet-v2.js';
import { resnet, resnets } from './families/resnet.js';
import { squeezenet, squeezenets } from './families/squeezenet.js';
import { vgg, vggs } from './families/vgg.js';
import { nearestNames } from './nearest-names.js';
import type { AffineLayer, Network } from './network.js';
import { inferShapes } from './shapes.js';

/** Everything that determines a network's description. Plain JSON: it is stored beside the weights that it describes. */
export interface NetworkSpec {
  readonly architecture: string;
  readonly width: number;
  readonly numClasses: number;
  readonly convention: 'torchvision' | 'tensorflow';
  readonly batchNorm: 'separate' | 'folded';
  readonly inputAffine: Pick<AffineLayer, 'scale' | 'shift'> | null;
}

interface Architecture {
  /** Side in pixels of the images that its published weights were trained on. */
  readonly imageSize: number;
  readonly describe: (spec: NetworkSpec) => Network;
  /** Whether it has a width multiplier. */
  readonly hasWidth?: boolean;
  /** Whether it can be described as TensorFlow has it, and with folded batch norm. */
  readonly hasTensorflow?: boolean;
  /** Constants that torchvision's pretrained network puts its images through. */
  readonly inputAffine?: NetworkSpec['inputAffine'];
}

/** The architectures of a family, which differ in a table's row. */
function family<T>(
  variants: Readonly<Record<string, T>>,
  describe: (variant: T, numClasses: number) => Network,
): [string, Architecture][] {
  return Object.entries(variants).map(([name, variant]) => [
    name,
    { imageSize: 224, describe: ({ numClasses }) => describe(variant, numClasses) },
  ]);
}

const architectures: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['alexnet', { imageSize: 224, describe: ({ numClasses }) => alexnet(numClasses) }],
  ...family(densenets, densenet),
  [
    'inception_v3',
    {
      imageSize: 299,
      describe: (spec) => inceptionV3(spec, spec.numClasses),
      inputAffine: inceptionTransform,
      hasTensorflow: true,
    },
  ],
  [
    'mobilenet_v2',
    {
      imageSize: 224,
      describe: ({ width, convention, batchNorm, inputAffine, numClasses }) =>
        mobilenetV2({ width, padding: convention, batchNorm, inputAffine }, numClasses),
      hasWidth: true,
      hasTensorflow: true,
    },
  ],
  ...family(resnets, resnet),
  ...family(squeezenets, squeezenet),
  ...family(vggs, vgg),
]);

/** The architectures that ftctl has, sorted within each family. */
export const architectureNames: readonly string[] = [...architectures.keys()];

/** Refuses what no family can build: FT_MODEL_UNKNOWN (with the nearest names) or FT_MODEL_WIDTH. */
export function checkArchitecture(architecture: string, width: number): void {
  architectureOf(architecture, width);
}

function fitsWidth({ hasWidth = false }: Architecture, width: number): boolean {
  return hasWidth ? width > 0 && width <= 16 : width === 1;
}

function architectureOf(architecture: string, width: number): Architecture {
  const found = architectures.get(architecture);
  if (found === undefined) {
    const known = [...architectureNames, ...Object.keys(architectureAliases)];
    const nearest = nearestNames(architecture, known, 3);
    throw new FtctlError('FT_MODEL_UNKNOWN', {
      what: `There is no architecture ${JSON.stringify(architecture)}.`,
      why: `Did you mean ${nearest[0]}? The architectures are ${architectureNames.join(', ')}.`,
      details: { architecture, nearest, architectures: architectureNames },
    });
  }
  if (!fitsWidth(found, width)) {
    const { hasWidth = false } = found;
    throw new FtctlError('FT_MODEL_WIDTH', {
      what: `model.width is ${width}.`,
      why: `For ${architecture} it must be ${hasWidth ? 'over 0 and at most 16' : '1'}.`,
      details: { architecture, width },
    });
  }
  return found;
}

/** A network exactly as torchvision has it, with the input transform of its pretrained one. */
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
    inputAffine: architectures.get(architecture)?.inputAffine ?? null,
  };
}

/** Side in pixels of the images that the architecture's published weights were trained on. Throws FT_MODEL_UNKNOWN. */
export function defaultImageSize(architecture: string): number {
  return architectureOf(architecture, 1).imageSize;
}

/** Refuses images that are too small for an architecture: FT_MODEL_IMAGE_SIZE; and what checkArchitecture refuses. */
export function checkImageSize(architecture: string, width: number, imageSize: number): void {
  checkArchitecture(architecture, width);
  inferShapes(describeNetwork(torchvisionSpec(architecture, width, 1)), imageSize);
}

/** Whether {@link describeNetwork} can describe it: of a spec that was read from a file. */
export function canDescribe({ architecture, width, ...spec }: NetworkSpec): boolean {
  const found = architectures.get(architecture);
  return found !== undefined && fitsWidth(found, width) && allows(found, spec);
}

/** Images have three channels. */
const numChannels = 3;

function allows(
  { hasTensorflow = false, inputAffine: own }: Architecture,
  { convention, batchNorm, inputAffine }: Omit<NetworkSpec, 'architecture' | 'width'>,
): boolean {
  const { scale, shift } = inputAffine ?? noAffine;
  if (![scale, shift].every(({ length }) => length === numChannels)) return false;
  const isOwn = convention === 'torchvision' && batchNorm === 'separate';
  return hasTensorflow || (isOwn && (inputAffine === null || own !== undefined));
}

const noAffine = { scale: [1, 1, 1], shift: [0, 0, 0] };

/** The description of a network. Throws FT_MODEL_UNKNOWN or FT_MODEL_WIDTH. */
export function describeNetwork(spec: NetworkSpec): Network {
  const found = architectureOf(spec.architecture, spec.width);
  if (!allows(found, spec)) {
    throw new Error(`${spec.architecture} cannot be described as ${JSON.stringify(spec)}`);
  }
  return found.describe(spec);
}
