import type { DataSpec, ModelSpec, Rgb } from '../config/run-spec.js';
import { BlobStore } from '../util/blob-store.js';
import { openBackbone } from './backbone/open-backbone.js';
import { prepareBackbone } from './backbone/prepare-backbone.js';
import { headOf } from './head.js';
import { featuresOf } from './network.js';
import { loweringVersion, lowerNetwork } from './onnx/lower-network.js';
import { findPrepared, preparedKey, rememberPrepared } from './prepared-cache.js';
import type { PreparedModel } from './prepared-model.js';
import { preprocessingOf } from './preprocessing-of.js';
import { checkImageSize, describeNetwork } from './registry.js';
import { loadWeights } from './weights/load-weights.js';
import { encodeWeightsBlob } from './weights/weights-blob.js';
import { weightsIdentity } from './weights/weights-identity.js';
import { weightsSource } from './weights/weights-source.js';

export interface PrepareProgress {
  readonly what: 'weights' | 'model';
  readonly message: string;
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'steps';
}

export interface PrepareOptions {
  readonly numClasses: number;
  readonly imageSize: number;
  readonly background: Rgb;
  readonly normalise: DataSpec['normalise'];
  /** Absent: images are resized to `imageSize`. */
  readonly valTransform?: DataSpec['valTransform'];
  /** Seeds random weights; the initial classifier is made elsewhere (head.ts). */
  readonly seed: number;
  readonly cacheDir: string;
  readonly onProgress?: (progress: PrepareProgress) => void;
  readonly signal?: AbortSignal;
}

/** Loading, lowering, storing. */
const numSteps = 3;

/**
 * Whether there is such a model that takes images of that size, and its weights, as far as can be told without fetching:
 * FT_MODEL_*, FT_WEIGHTS_*; FT_BACKBONE_* for a backbone of the user's own, which is tried out.
 */
export async function checkModel(
  spec: ModelSpec,
  options: Pick<PrepareOptions, 'seed' | 'imageSize' | 'background' | 'normalise'>,
): Promise<void> {
  const { seed, imageSize } = options;
  if ('onnx' in spec) {
    await openBackbone(spec, { imageSize, normalisation: preprocessingOf(spec, options) });
    return;
  }
  checkImageSize(spec.architecture, spec.width, imageSize);
  await weightsIdentity(weightsSource(spec), seed);
}

/**
 * Makes a model ready to be trained: fetches and checks the weights, lowers the frozen prefix to ONNX, and stores both as
 * blobs in the cache. What was prepared before is found again in a few milliseconds. Rejects with FT_MODEL_*, FT_WEIGHTS_*,
 * FT_BACKBONE_*, FT_DISK_FULL or FT_NOT_WRITABLE errors, or with the signal's reason.
 */
export async function prepareModel(
  spec: ModelSpec,
  options: PrepareOptions,
): Promise<PreparedModel> {
  const { numClasses, imageSize, seed, cacheDir, onProgress, signal } = options;
  const preprocessing = preprocessingOf(spec, options);
  const report = (message: string, done: number): void => {
    onProgress?.({ what: 'model', message, done, total: numSteps, unit: 'steps' });
  };
  if ('onnx' in spec) {
    const onNote = (note: string): void => {
      report(note, numSteps);
    };
    return prepareBackbone(spec, { numClasses, preprocessing, cacheDir, onNote });
  }
  checkImageSize(spec.architecture, spec.width, imageSize);
  const source = weightsSource(spec);
  const blobs = new BlobStore(cacheDir);
  const key = preparedKey({
    loweringVersion,
    weights: await weightsIdentity(source, seed),
    architecture: spec.architecture,
    width: spec.width,
    numClasses,
    preprocessing,
  });
  const known = await findPrepared(cacheDir, key, blobs);
  if (known !== undefined) {
    for (const note of known.notes) report(note, numSteps);
    return known.prepared;
  }
  signal?.throwIfAborted();
  report('Loading weights', 0);
  const { architecture, width } = spec;
  const loaded = await loadWeights(source, {
    architecture,
    width,
    numClasses,
    seed,
    cacheDir,
    normalisation: preprocessing,
    onProgress: (progress) => onProgress?.({ what: 'weights', ...progress }),
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  report('Lowering the backbone to ONNX', 1);
  const network = describeNetwork(loaded.spec);
  const backbone = lowerNetwork(network, loaded.tensors, {
    imageSize,
    output: featuresOf(network),
    outputName: 'features',
    flat: true,
  });
  report('Storing the model', 2);
  const prepared: PreparedModel = {
    architecture,
    width,
    convention: loaded.spec.convention,
    numClasses,
    backboneSha256: await blobs.put(backbone),
    weightsSha256: await blobs.put(encodeWeightsBlob(loaded.spec, loaded.tensors)),
    head: headOf(network, imageSize),
    preprocessing,
  };
  signal?.throwIfAborted();
  await rememberPrepared(cacheDir, key, { prepared, notes: loaded.notes });
  for (const note of loaded.notes) report(note, numSteps);
  report('Model ready', numSteps);
  return prepared;
}
