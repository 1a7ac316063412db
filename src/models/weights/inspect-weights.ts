import { describeNetwork } from '../registry.js';
import { numElements } from '../tensor-specs.js';
import { guessArchitectures, isFit, type ArchitectureGuess } from './guess-architecture.js';
import { recogniseTfjs } from './inspect-tfjs.js';
import { unprefixed } from './load-weights.js';
import { readFileSource, readTfjsModel, sourceLabel, type FetchOptions } from './read-source.js';
import type { WeightsFormat } from './read-weights.js';
import { savedNormalisation } from './saved-normalisation.js';
import type { TensorSet } from './tensor-set.js';
import type { TfjsModel } from './tfjs/read-tfjs.js';
import { specOfMetadata } from './weights-blob.js';
import { knownNormalisation, type Normalisation, type WeightsSource } from './weights-source.js';

export interface InspectedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** As it is stored, by PyTorch's name. */
  readonly type: string;
}

/** The network that a file's tensors are the weights of. */
export interface FittingNetwork {
  readonly architecture: string;
  readonly width: number;
  readonly convention: 'torchvision' | 'tensorflow';
  /** Of the classifier in the file; null: it has none. */
  readonly numClasses: number | null;
}

export interface WeightsReport {
  readonly source: string;
  readonly format: WeightsFormat | TfjsModel['format'];
  readonly tensors: readonly InspectedTensor[];
  readonly numElements: number;
  /** Number of tensors by type. */
  readonly types: Readonly<Record<string, number>>;
  /** null: none of ftctl's architectures. */
  readonly fits: FittingNetwork | null;
  /** The nearest architectures, where none fits. */
  readonly nearest: readonly ArchitectureGuess[];
  /** How its images were normalised, as the file or its publisher says; null: neither does. */
  readonly normalise: Normalisation | null;
  readonly notes: readonly string[];
}

function reportTensors(
  tensors: TensorSet,
  types: ReadonlyMap<string, string>,
): Pick<WeightsReport, 'tensors' | 'numElements' | 'types'> {
  const rows = [...tensors].map(([name, { shape }]) => ({
    ...{ name, shape },
    type: types.get(name) ?? 'float32',
  }));
  const counts: Record<string, number> = {};
  for (const { type } of rows) counts[type] = (counts[type] ?? 0) + 1;
  return {
    tensors: rows,
    numElements: rows.reduce((sum, { shape }) => sum + numElements(shape), 0),
    types: counts,
  };
}

function numClassesOf(
  tensors: TensorSet,
  network: Pick<FittingNetwork, 'architecture' | 'width' | 'convention'>,
): number | null {
  const isOwn = network.convention === 'torchvision';
  const { classifier } = describeNetwork({
    ...{ ...network, numClasses: 1, inputAffine: null },
    batchNorm: isOwn ? 'separate' : 'folded',
  });
  return tensors.get(`${classifier}.bias`)?.shape[0] ?? null;
}

async function inspectFile(
  source: Extract<WeightsSource, { type: 'file' | 'url' | 'npm' }>,
  options: FetchOptions,
): Promise<WeightsReport> {
  const label = sourceLabel(source);
  const file = unprefixed(await readFileSource(source, options));
  const saved = specOfMetadata(file.metadata);
  const guesses = guessArchitectures(file.tensors);
  const fitting = guesses.find(isFit);
  const network =
    saved?.convention === 'tensorflow'
      ? saved
      : fitting === undefined
        ? null
        : ({ ...fitting, convention: 'torchvision' } as const);
  return {
    ...{ source: label, format: file.format, notes: file.notes },
    ...reportTensors(file.tensors, file.types),
    fits:
      network === null
        ? null
        : {
            architecture: network.architecture,
            width: network.width,
            convention: network.convention,
            numClasses: numClassesOf(file.tensors, network),
          },
    nearest: network === null ? guesses : [],
    normalise: savedNormalisation(file.metadata, label) ?? knownNormalisation(source),
  };
}

async function inspectTfjs(
  source: Extract<WeightsSource, { type: 'tfjs' | 'nsfwjs' }>,
  options: FetchOptions,
): Promise<WeightsReport> {
  const model = await readTfjsModel(source, options);
  const report = {
    ...{ source: sourceLabel(source), format: model.format },
    normalise: knownNormalisation(source),
  };
  const recognised = recogniseTfjs(model);
  if (recognised.network === null) {
    const { nearest, why } = recognised;
    const compared = 'The nearest are told by the shapes of convolution kernels.';
    return {
      ...report,
      ...reportTensors(model.model.weights, new Map()),
      ...{ fits: null, nearest, notes: [why, ...(nearest.length === 0 ? [] : [compared])] },
    };
  }
  const { architecture, width, convention } = recognised.network.spec;
  return {
    ...report,
    ...reportTensors(recognised.network.tensors, new Map()),
    fits: { architecture, width, convention, numClasses: null },
    nearest: [],
    notes: ['Batch norm was folded into the convolutions; the classifier was left out.'],
  };
}

/**
 * Fetches weights and says what they are: format, tensors, and the architecture that they belong to. Rejects with FT_WEIGHTS_*,
 * FT_DOWNLOAD_* or FT_DATA_* errors.
 */
export async function inspectWeights(
  source: Exclude<WeightsSource, { type: 'random' }>,
  options: FetchOptions,
): Promise<WeightsReport> {
  return source.type === 'tfjs' || source.type === 'nsfwjs'
    ? inspectTfjs(source, options)
    : inspectFile(source, options);
}
