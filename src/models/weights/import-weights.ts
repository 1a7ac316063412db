import { join } from 'node:path';
import { writeFileAtomic } from '../../util/atomic-file.js';
import { sha256Hex } from '../../util/blob-store.js';
import { inCache } from '../../util/cache-folder-error.js';
import { makeFolder } from '../../util/make-folder.js';
import { replacedLayers } from '../network.js';
import { checkArchitecture, describeNetwork, type NetworkSpec } from '../registry.js';
import { layerTensors, numElements, stateDictSpecs } from '../tensor-specs.js';
import { fitWeights } from './fit-weights.js';
import { fileSpec, networkLabel, tensorsFor, unprefixed } from './load-weights.js';
import { mismatchRemedy } from './mismatch-remedy.js';
import { readFileSource, readTfjsSource, sourceLabel, type FetchOptions } from './read-source.js';
import {
  encodeNormalisation,
  normalisationKey,
  savedNormalisation,
} from './saved-normalisation.js';
import type { WeightsFormat } from './read-weights.js';
import type { StoredTensor, TensorSet } from './tensor-set.js';
import { encodeWeightsBlob } from './weights-blob.js';
import { normalisationOf, type Normalisation, type WeightsSource } from './weights-source.js';

export interface ImportOptions extends FetchOptions {
  readonly architecture: string;
  readonly width: number;
  /** How images were normalised for the weights; undefined: as the file or its source says. */
  readonly normalisation: Normalisation | undefined;
}

export interface ImportedWeights {
  readonly source: string;
  /** The safetensors file in the cache: `model.weights` takes it. */
  readonly path: string;
  readonly sha256: string;
  readonly architecture: string;
  readonly width: number;
  readonly convention: NetworkSpec['convention'];
  /** Of the classifier in the file; null: it has none, or one that does not fit. */
  readonly numClasses: number | null;
  readonly numTensors: number;
  readonly numElements: number;
  readonly normalise: Normalisation;
  readonly notes: readonly string[];
}

interface Fitted {
  readonly spec: NetworkSpec;
  readonly tensors: TensorSet;
  readonly numClasses: number | null;
  readonly saved: Normalisation | null;
  readonly notes: readonly string[];
}

/**
 * The tensors of a network and its classifiers, fitted. The classifiers are of the file's number of classes; a file that has no
 * such classifier is one of the backbone alone.
 */
function fitWhole(
  asked: NetworkSpec,
  given: TensorSet,
  label: string,
  format?: WeightsFormat,
): { tensors: Map<string, StoredTensor>; numClasses: number | null } {
  const { classifier } = describeNetwork(asked);
  const numClasses = given.get(`${classifier}.bias`)?.shape[0];
  const spec = { ...asked, numClasses: numClasses ?? 1 };
  const network = describeNetwork(spec);
  const replaced = new Set(
    replacedLayers(network)
      .flatMap(layerTensors)
      .map(({ name }) => name),
  );
  // What is replaced in a run is kept where it is there, and may be missing.
  const specs = stateDictSpecs(network).filter(
    ({ name }) => !replaced.has(name) || given.has(name),
  );
  const tensors = fitWeights(specs, given, {
    ...{ label, network: networkLabel(spec) },
    remedy: () => mismatchRemedy(given, { ...spec, label, format }),
  });
  return { tensors, numClasses: numClasses ?? null };
}

async function readFitted(
  source: Exclude<WeightsSource, { type: 'random' }>,
  options: ImportOptions,
): Promise<Fitted> {
  const { architecture, width } = options;
  const label = sourceLabel(source);
  if (source.type === 'tfjs' || source.type === 'nsfwjs') {
    const asked = { architecture, width, numClasses: 1 };
    const { spec, tensors } = await readTfjsSource(source, asked, options);
    const fitted = fitWhole(spec, tensors, label);
    return { spec, ...fitted, saved: null, notes: [] };
  }
  const file = unprefixed(await readFileSource(source, options), { architecture, width });
  const spec = fileSpec(file, { architecture, width, numClasses: 1 });
  const given = tensorsFor(stateDictSpecs(describeNetwork(spec)), file);
  const fitted = fitWhole(spec, given, label, file.format);
  return { spec, ...fitted, saved: savedNormalisation(file.metadata, label), notes: file.notes };
}

/**
 * Checks weights against an architecture and keeps them as safetensors, `<cacheDir>/weights/NAME-HASH.safetensors`, with what they
 * need to be used: the network's description and how images are normalised. The same weights give the same file. Rejects with
 * FT_MODEL_*, FT_WEIGHTS_*, FT_DOWNLOAD_*, FT_DATA_*, FT_DISK_FULL or FT_NOT_WRITABLE.
 */
export async function importWeights(
  source: Exclude<WeightsSource, { type: 'random' }>,
  options: ImportOptions,
): Promise<ImportedWeights> {
  const { architecture, width, cacheDir } = options;
  checkArchitecture(architecture, width);
  const { spec, tensors, numClasses, saved, notes } = await readFitted(source, options);
  const normalise = options.normalisation ?? saved ?? normalisationOf(source);
  const bytes = encodeWeightsBlob(spec, tensors, {
    format: 'pt',
    [normalisationKey]: encodeNormalisation(normalise),
  });
  const sha256 = sha256Hex(bytes);
  const name = width === 1 ? architecture : `${architecture}-${width}`;
  const dir = join(cacheDir, 'weights');
  const path = join(dir, `${name}-${sha256.slice(0, 8)}.safetensors`);
  options.signal?.throwIfAborted();
  await inCache(cacheDir, async () => {
    await makeFolder(dir);
    await writeFileAtomic(path, bytes);
  });
  return {
    ...{ source: sourceLabel(source), path, sha256, architecture, width, numClasses, normalise },
    convention: spec.convention,
    numTensors: tensors.size,
    numElements: [...tensors.values()].reduce((sum, { shape }) => sum + numElements(shape), 0),
    notes,
  };
}
