import { availableParallelism } from 'node:os';
import { checkPhasesOnData } from '../config/phase-data-checks.js';
import type { RunSpec } from '../config/run-spec.js';
import type { RunEventBody } from '../control/events.js';
import { makeManifest } from '../data/make-manifest.js';
import { encodeManifest } from '../data/manifest-json.js';
import type { Manifest } from '../data/manifest.js';
import { noPixelCache } from '../data/pixel-cache.js';
import type { Plan } from '../data/plan.js';
import { workingSide } from '../data/working-side.js';
import { openPixelCache } from '../features/lmdb-cache.js';
import { checkModel } from '../models/prepare-model.js';
import { preprocessingOf } from '../models/preprocessing-of.js';
import { specWarnings } from '../models/spec-warnings.js';
import { checkSingleValues } from '../models/single-values.js';
import type { RunBundle } from '../state/run-bundle.js';
import { trainedRuns } from '../state/trained-runs.js';
import { planOf } from '../train/plan-of.js';
import type { Clock } from '../util/clock.js';
import { BlobStore } from '../util/blob-store.js';
import { checkCache } from '../util/cache-folder-error.js';
import { prepareModelOf } from './export-model.js';
import { PreparingEvents, type Progress } from './preparing.js';
import { skippedEvents } from './skipped-files.js';
import { checkStateSize } from './state-size.js';

/** What the coordinator knows of a run before it begins. */
export interface PreparedRun {
  readonly bundle: RunBundle;
  readonly manifest: Manifest;
  readonly plan: Plan;
}

export interface PrepareRunOptions {
  readonly emit: (event: RunEventBody) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Where runs lie whose weights may be asked for. */
  readonly runsDir: string;
  /** Where the events are kept, for messages. */
  readonly eventsPath: string;
}

/**
 * The data and the model: fetches what must be fetched, checks every image, makes the manifest,
 * lowers the backbone. Rejects with the FtctlError of what cannot be used, or with the signal's reason.
 */
export async function prepareRun(
  runId: string,
  spec: RunSpec,
  options: PrepareRunOptions,
): Promise<PreparedRun> {
  const preparing = new PreparingEvents(options.emit, options.clock);
  try {
    return await prepare(runId, spec, preparing, options);
  } finally {
    preparing.end();
  }
}

async function prepare(
  runId: string,
  spec: RunSpec,
  preparing: PreparingEvents,
  { emit, signal, runsDir, eventsPath }: PrepareRunOptions,
): Promise<PreparedRun> {
  const onProgress = (progress: Progress): void => {
    preparing.report(progress);
  };
  // What can be seen at once is seen before anything is fetched.
  await checkCache(spec.cache.path);
  const findTrainedRun = trainedRuns({ runsDir, cacheDir: spec.cache.path });
  await checkModel(spec.model, { seed: spec.seed, ...spec.data, findTrainedRun });
  for (const message of specWarnings(spec)) emit({ type: 'warning', message });
  const preprocessing = preprocessingOf(spec.model, spec.data);
  const cacheDir = spec.cache.path;
  const blobs = new BlobStore(cacheDir);
  const { manifest, dataRoot } = await withPixelCache(spec, emit, (pixelCache) =>
    makeManifest(spec.data, {
      ...{ seed: spec.seed, cacheDir, pixelCache, preprocessing, onProgress, signal },
      onWarning: (message) => {
        emit({ type: 'warning', message });
      },
    }),
  );
  signal.throwIfAborted();
  for (const event of skippedEvents(manifest.skipped, eventsPath)) emit(event);
  const plan = planOf(spec, manifest);
  checkPhasesOnData(spec.phases, {
    classNames: manifest.classNames,
    numBatches: plan.numTrainSteps,
  });
  checkSingleValues(spec, manifest.samples.filter(({ split }) => split === 'train').length);
  emit({
    type: 'data-ready',
    classes: manifest.classNames.length,
    ...{ train: plan.splitSize('train'), val: plan.splitSize('val'), test: plan.splitSize('test') },
    skipped: manifest.skipped.length,
    manifestHash: manifest.hash,
  });
  const prepared = await prepareModelOf(spec, {
    ...{ runsDir, classNames: manifest.classNames, onProgress, signal },
  });
  checkStateSize(prepared, spec);
  signal.throwIfAborted();
  const manifestSha256 = await blobs.put(Buffer.from(encodeManifest(manifest)));
  const bundle: RunBundle = {
    runId,
    spec,
    manifestSha256,
    manifestHash: manifest.hash,
    dataRoot,
    prepared,
    workingSide: workingSide(spec.data.imageSize, spec.data.augment),
    threads: spec.engine.threads ?? threadsPerWorker(spec.workers.count),
  };
  return { bundle, manifest, plan };
}

/** All workers are on this machine: each gets its share of the cores. */
function threadsPerWorker(numWorkers: number): number {
  return Math.max(1, Math.floor(availableParallelism() / numWorkers));
}

async function withPixelCache<T>(
  spec: RunSpec,
  emit: (event: RunEventBody) => void,
  work: (cache: typeof noPixelCache) => Promise<T>,
): Promise<T> {
  if (!spec.cache.images) return work(noPixelCache);
  const cache = await openPixelCache(spec.cache.path, {
    onWarning: (message) => {
      emit({ type: 'warning', message });
    },
  });
  try {
    return await work(cache);
  } finally {
    await cache.close();
  }
}
