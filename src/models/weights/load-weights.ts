import { initialAuxiliary } from '../head.js';
import { replacedLayers } from '../network.js';
import {
  checkArchitecture,
  describeNetwork,
  torchvisionSpec,
  type NetworkSpec,
} from '../registry.js';
import { layerTensors, stateDictSpecs, type TensorSpec } from '../tensor-specs.js';
import { fitWeights } from './fit-weights.js';
import { fitsArchitecture, guessArchitectures, isFit } from './guess-architecture.js';
import { mismatchRemedy } from './mismatch-remedy.js';
import { withoutPrefix } from './network-prefix.js';
import { randomWeights } from './random-weights.js';
import { readFileSource, readTfjsSource, sourceLabel, type FetchOptions } from './read-source.js';
import type { WeightsFile, WeightsFormat } from './read-weights.js';
import { checkNormalisation, savedNormalisation } from './saved-normalisation.js';
import type { TensorSet } from './tensor-set.js';
import { specOfMetadata } from './weights-blob.js';
import type { Normalisation, WeightsSource } from './weights-source.js';

export interface LoadedWeights {
  readonly spec: NetworkSpec;
  /** In state-dict order; without the classifier where it is to be a new one. */
  readonly tensors: TensorSet;
  /** What a user should know: that a classifier was replaced, that names were changed. */
  readonly notes: readonly string[];
}

export interface LoadOptions extends FetchOptions {
  readonly architecture: string;
  readonly width: number;
  readonly numClasses: number;
  readonly seed: number;
  /** How the run normalises images (preprocessing-of.ts): compared with what a file says. */
  readonly normalisation?: Normalisation;
}

interface FitNetworkOptions {
  readonly label: string;
  readonly seed: number;
  readonly format?: WeightsFormat;
  /** Whether its classifiers are of the run's classes. */
  readonly keepsClassifier?: boolean;
}

/**
 * Tensors, fitted to the network that `spec` describes: all of them, or those of everything but the classifier, with new auxiliary
 * classifiers, since they are of the run's classes, as the classifier is. Throws FT_WEIGHTS_MISMATCH.
 */
export function fitNetwork(
  spec: NetworkSpec,
  given: TensorSet,
  { label, seed, format, keepsClassifier = false }: FitNetworkOptions,
): Pick<LoadedWeights, 'tensors' | 'notes'> {
  const network = describeNetwork(spec);
  const replaced = keepsClassifier ? [] : replacedLayers(network).flatMap(layerTensors);
  const ignored = new Set(replaced.map(({ name }) => name));
  const tensors = fitWeights(
    stateDictSpecs(network).filter(({ name }) => !ignored.has(name)),
    given,
    {
      label,
      network: networkLabel(spec),
      ignored,
      remedy: () => mismatchRemedy(given, { ...spec, label, format }),
    },
  );
  if (keepsClassifier) {
    return { tensors, notes: [`The classifier of ${label} is kept: its classes are the same.`] };
  }
  for (const [name, tensor] of initialAuxiliary(network, seed)) tensors.set(name, tensor);
  const numGiven = given.get(`${network.classifier}.bias`)?.shape[0];
  const notes =
    numGiven === undefined
      ? []
      : [
          `The classifier of ${label} (${numGiven} classes) was replaced by a new one of ${spec.numClasses}.`,
        ];
  return { tensors, notes };
}

export function networkLabel({ architecture, width }: Pick<NetworkSpec, 'architecture' | 'width'>) {
  return width === 1 ? architecture : `${architecture} (width ${width})`;
}

/**
 * The same file without a prefix that all its names, or all but a classifier's, have, where its tensors then are those of a network
 * of ours: the one asked for, or any.
 */
export function unprefixed(
  file: WeightsFile,
  asked?: Pick<NetworkSpec, 'architecture' | 'width'>,
): WeightsFile {
  const fits = (tensors: TensorSet): boolean =>
    asked === undefined
      ? guessArchitectures(tensors).some(isFit)
      : fitsArchitecture(tensors, asked.architecture, asked.width);
  if (fits(file.tensors)) return file;
  const found = withoutPrefix(file.tensors, fits);
  if (found === undefined) return file;
  const { prefix, tensors, left } = found;
  return {
    ...file,
    tensors,
    types: new Map(
      [...tensors.keys()].map((name) => [
        name,
        file.types.get(`${prefix}${name}`) ?? file.types.get(name) ?? 'unknown',
      ]),
    ),
    notes: [
      ...file.notes,
      `${prefix} was taken off the names.`,
      ...(left.length === 0 ? [] : [`Not looked at: ${left.join(', ')}, a classifier.`]),
    ],
  };
}

/**
 * The tensors of a file that are meant for a network. An ONNX graph has constants beside its weights: where all that the network
 * has are there, the others are left out.
 */
export function tensorsFor(specs: readonly TensorSpec[], file: WeightsFile): TensorSet {
  const needed = specs.filter(({ role }) => role !== 'counter');
  if (file.format !== 'onnx' || !needed.every(({ name }) => file.tensors.has(name))) {
    return file.tensors;
  }
  const names = new Set(specs.map(({ name }) => name));
  return new Map([...file.tensors].filter(([name]) => names.has(name)));
}

/** Which network a file of weights is read as: what ftctl saved says it itself. */
export function fileSpec(
  file: WeightsFile,
  { architecture, width, numClasses }: Pick<NetworkSpec, 'architecture' | 'width' | 'numClasses'>,
): NetworkSpec {
  const own = torchvisionSpec(architecture, width, numClasses);
  const saved = specOfMetadata(file.metadata);
  const isSame = saved?.architecture === architecture && saved.width === width;
  return isSame ? { ...saved, numClasses } : own;
}

/**
 * Loads the pretrained tensors of a network from their source. Throws FT_MODEL_*, FT_WEIGHTS_*, FT_DOWNLOAD_* and FT_DATA_*
 * errors.
 */
export async function loadWeights(
  source: WeightsSource,
  options: LoadOptions,
): Promise<LoadedWeights> {
  const { architecture, width, numClasses, seed } = options;
  checkArchitecture(architecture, width);
  const asked = { architecture, width, numClasses };
  const label = sourceLabel(source);
  switch (source.type) {
    case 'random': {
      const spec = torchvisionSpec(architecture, width, numClasses);
      const all = randomWeights(describeNetwork(spec), seed);
      return { spec, ...fitNetwork(spec, all, { label, seed }), notes: [] };
    }
    case 'file':
    case 'url':
    case 'npm': {
      const file = unprefixed(await readFileSource(source, options), asked);
      checkNormalisation(label, savedNormalisation(file.metadata, label), options.normalisation);
      const spec = fileSpec(file, asked);
      const given = tensorsFor(stateDictSpecs(describeNetwork(spec)), file);
      const { tensors, notes } = fitNetwork(spec, given, { label, seed, format: file.format });
      return { spec, tensors, notes: [...file.notes, ...notes] };
    }
    case 'tfjs':
    case 'nsfwjs': {
      const { spec, tensors } = await readTfjsSource(source, asked, options);
      return { spec, ...fitNetwork(spec, tensors, { label, seed }) };
    }
  }
}
