import type { ArchitectureSpec, DataSpec, ModelSpec, Rgb } from '../config/run-spec.js';
import { BlobStore } from '../util/blob-store.js';
import { openBackbone } from './backbone/open-backbone.js';
import { prepareBackbone } from './backbone/prepare-backbone.js';
import { headOf } from './head.js';
import { loweringVersion } from './onnx/lower-network.js';
import { headPhase, lowerPhases, planPhases, type PhaseToPrepare } from './prepare-phases.js';
import { findPrepared, preparedKey, rememberPrepared } from './prepared-cache.js';
import type { PreparedModel } from './prepared-model.js';
import { preprocessingOf } from './preprocessing-of.js';
import { checkImageSize, describeNetwork, torchvisionSpec } from './registry.js';
import { openWeights, type OpenWeightsOptions } from './weights/open-weights.js';
import { encodeWeightsBlob } from './weights/weights-blob.js';

export interface PrepareProgress {
  readonly what: 'weights' | 'model';
  readonly message: string;
  readonly done: number;
  readonly total: number;
  readonly unit: 'bytes' | 'steps';
}

export interface PrepareOptions extends Pick<OpenWeightsOptions, 'findTrainedRun' | 'classNames'> {
  readonly numClasses: number;
  readonly imageSize: number;
  readonly background: Rgb;
  readonly normalise: DataSpec['normalise'];
  /** Absent: images are resized to `imageSize`. */
  readonly valTransform?: DataSpec['valTransform'];
  /** Of the run; absent: one that trains the classifier alone. */
  readonly phases?: readonly PhaseToPrepare[];
  /** Seeds random weights and new auxiliary classifiers; the initial classifier is made elsewhere (run-tensors.ts). */
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
  options: Pick<
    PrepareOptions,
    'seed' | 'imageSize' | 'background' | 'normalise' | 'findTrainedRun'
  >,
): Promise<void> {
  const { imageSize } = options;
  if ('onnx' in spec) {
    await openBackbone(spec, { imageSize, normalisation: preprocessingOf(spec, options) });
    return;
  }
  checkImageSize(spec.architecture, spec.width, imageSize);
  await openWeights(spec, options);
}

/**
 * Makes a model ready to be trained: fetches and checks the weights, lowers each phase's frozen prefix to ONNX, and stores all of
 * it as blobs in the cache. What was prepared before is found again in a few milliseconds. Rejects with FT_MODEL_*, FT_WEIGHTS_*,
 * FT_BACKBONE_*, FT_DISK_FULL or FT_NOT_WRITABLE errors, or with the signal's reason.
 */
export async function prepareModel(
  spec: ModelSpec,
  options: PrepareOptions,
): Promise<PreparedModel> {
  const {
    numClasses,
    imageSize,
    phases = [headPhase],
    seed,
    cacheDir,
    onProgress,
    signal,
  } = options;
  const preprocessing = preprocessingOf(spec, options);
  const report = (message: string, done: number): void => {
    onProgress?.({ what: 'model', message, done, total: numSteps, unit: 'steps' });
  };
  if ('onnx' in spec) {
    const onNote = (note: string): void => {
      report(note, numSteps);
    };
    return prepareBackbone(spec, {
      ...{ numClasses, preprocessing, numPhases: phases.length, cacheDir, onNote },
    });
  }
  checkImageSize(spec.architecture, spec.width, imageSize);
  const weights = await openWeights(spec, options);
  const blobs = new BlobStore(cacheDir);
  const key = preparedKey({
    loweringVersion,
    weights: weights.identity,
    architecture: spec.architecture,
    width: spec.width,
    numClasses,
    preprocessing,
    phases: phases.map(({ train, except, batchNorm }) => ({ train, except, batchNorm })),
    ...auxiliarySeed(spec, seed),
  });
  const known = await findPrepared(cacheDir, key, blobs);
  if (known !== undefined) {
    for (const note of known.notes) report(note, numSteps);
    return known.prepared;
  }
  signal?.throwIfAborted();
  report('Loading weights', 0);
  const { architecture, width } = spec;
  const loaded = await weights.load({
    numClasses,
    cacheDir,
    normalisation: preprocessing,
    onProgress: (progress) => onProgress?.({ what: 'weights', ...progress }),
    ...(signal === undefined ? {} : { signal }),
  });
  signal?.throwIfAborted();
  report('Lowering the backbone to ONNX', 1);
  const network = describeNetwork(loaded.spec);
  const head = headOf(network, imageSize);
  const plan = planPhases(network, imageSize, phases);
  const lowered = await lowerPhases(network, loaded.tensors, {
    ...{ phases: plan.phases, imageSize, blobs },
  });
  report('Storing the model', 2);
  const prepared: PreparedModel = {
    architecture,
    width,
    convention: loaded.spec.convention,
    numClasses,
    backboneSha256: lowered[0]!.backboneSha256,
    weightsSha256: await blobs.put(encodeWeightsBlob(loaded.spec, loaded.tensors)),
    head,
    classifier: loaded.tensors.has(head.weightName) ? 'kept' : 'new',
    preprocessing,
    ...{ phases: lowered, parameters: plan.parameters, statistics: plan.statistics },
  };
  signal?.throwIfAborted();
  await rememberPrepared(cacheDir, key, { prepared, notes: loaded.notes });
  for (const note of loaded.notes) report(note, numSteps);
  report('Model ready', numSteps);
  return prepared;
}

/** Auxiliary classifiers are stored with the weights: new ones, of the run's seed. */
function auxiliarySeed({ architecture, width }: ArchitectureSpec, seed: number): { seed?: number } {
  const { auxiliaryClassifiers } = describeNetwork(torchvisionSpec(architecture, width, 1));
  return auxiliaryClassifiers.length === 0 ? {} : { seed };
}
