import { open } from 'node:fs/promises';
import { FtctlError } from '../../errors/index.js';
import { fetchNpmPackage } from '../../util/npm-package.js';
import { classifierOf } from '../network.js';
import {
  checkArchitecture,
  describeNetwork,
  torchvisionSpec,
  type NetworkSpec,
} from '../registry.js';
import { layerTensors, stateDictSpecs } from '../tensor-specs.js';
import { fitWeights } from './fit-weights.js';
import { weightsNotFound } from './weights-not-found.js';
import { randomWeights } from './random-weights.js';
import { decodeSafetensors } from './safetensors.js';
import type { StoredTensor, TensorSet } from './tensor-set.js';
import { readNsfwjsMobilenet } from './tfjs/nsfwjs.js';
import type { WeightsSource } from './weights-source.js';

/** Over any network of the zoo (vgg19: 575 MB), under what one buffer can hold. */
const maxFileBytes = 2 * 1024 ** 3 - 1;

export interface LoadedWeights {
  readonly spec: NetworkSpec;
  /** Everything but the classifier, in state-dict order. */
  readonly tensors: TensorSet;
  /** What a user should know: that a classifier was replaced. */
  readonly notes: readonly string[];
}

export interface LoadOptions {
  readonly architecture: string;
  readonly width: number;
  readonly numClasses: number;
  readonly seed: number;
  readonly cacheDir: string;
  /** Called with words for the user while something is fetched. */
  readonly onProgress?: (message: string) => void;
  readonly signal?: AbortSignal;
}

/** Reads a whole file of weights. Rejects with FT_WEIGHTS_NOT_FOUND or, where it is too large, FT_WEIGHTS_DAMAGED. */
async function readWeightsFile(path: string): Promise<Buffer> {
  let size: number;
  try {
    const file = await open(path, 'r');
    try {
      ({ size } = await file.stat());
      if (size <= maxFileBytes) return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw weightsNotFound(path, error);
  }
  throw new FtctlError('FT_WEIGHTS_DAMAGED', {
    what: `The weights file ${path} has ${size} bytes.`,
    why: `A file of weights has at most ${maxFileBytes}.`,
    details: { path, size },
  });
}

/** The tensors of everything but the classifier, fitted to the network that `spec` describes. */
function fitBackbone(
  spec: NetworkSpec,
  given: TensorSet,
  label: string,
): { tensors: Map<string, StoredTensor>; notes: string[] } {
  const network = describeNetwork(spec);
  const classifier = layerTensors(classifierOf(network)).map(({ name }) => name);
  const ignored = new Set(classifier);
  const tensors = fitWeights(
    stateDictSpecs(network).filter(({ name }) => !ignored.has(name)),
    given,
    { label, network: `${spec.architecture} (width ${spec.width})`, ignored },
  );
  const numGiven = given.get(`${network.classifier}.bias`)?.shape[0];
  const notes =
    numGiven === undefined
      ? []
      : [
          `The classifier of ${label} (${numGiven} classes) was replaced by a new one of ${spec.numClasses}.`,
        ];
  return { tensors, notes };
}

/** Loads the pretrained tensors of a network from their source. Throws FT_MODEL_* and FT_WEIGHTS_* errors. */
export async function loadWeights(
  source: WeightsSource,
  options: LoadOptions,
): Promise<LoadedWeights> {
  const { architecture, width, numClasses, seed, cacheDir, onProgress, signal } = options;
  checkArchitecture(architecture, width);
  const torchvision = torchvisionSpec(architecture, width, numClasses);
  switch (source.type) {
    case 'random': {
      const all = randomWeights(describeNetwork(torchvision), seed);
      return { spec: torchvision, ...fitBackbone(torchvision, all, 'random'), notes: [] };
    }
    case 'safetensors': {
      const bytes = await readWeightsFile(source.path);
      const { tensors } = decodeSafetensors(bytes, source.path);
      return { spec: torchvision, ...fitBackbone(torchvision, tensors, source.path) };
    }
    case 'nsfwjs': {
      const label = `npm:${source.name}@${source.version}`;
      if (architecture !== 'mobilenet_v2' || width !== 1.4) {
        throw new FtctlError('FT_WEIGHTS_MISMATCH', {
          what: `model.architecture is ${architecture} with width ${width}.`,
          why: `The weights of ${label} are mobilenet_v2 with width 1.4.`,
          details: { architecture, width },
        });
      }
      const packageDir = await fetchNpmPackage({
        name: source.name,
        version: source.version,
        integrity: source.integrity,
        cacheDir,
        onProgress,
        signal,
      });
      const { spec, tensors } = await readNsfwjsMobilenet(packageDir, numClasses);
      return { spec, ...fitBackbone(spec, tensors, label) };
    }
  }
}
