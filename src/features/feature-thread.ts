import { parentPort, workerData } from 'node:worker_threads';
import type { FeatureEngine } from '../engines/feature-engine.js';
import { openFeatureEngine } from '../engines/onnx-feature-engine.js';
import { FtctlError } from '../errors/index.js';
import { SharedCounters } from './feature-counters.js';
import { batchRows, FeaturePipeline } from './feature-pipeline.js';
import { paddingSample } from './feature-source.js';
import { ImagePool } from './image-pool.js';
import { type FeatureCache, noFeatureCache, openFeatureCache } from './lmdb-cache.js';
import { rowKeys } from './row-keys.js';
import type {
  FeatureThreadData,
  FromFeatureThread,
  ImageFile,
  ImageRow,
  ToFeatureThread,
} from './thread-messages.js';

/** Worker thread: owns the feature cache and the backbone, and starts image threads when there is a miss. */
const port = parentPort;
if (port === null) throw new Error('feature-thread.js runs as a worker thread only');
const data = workerData as FeatureThreadData;

/** Rows are committed to the cache when nothing was asked for so long. */
const idleFlushMs = 200;

const post = (message: FromFeatureThread, transfer: ArrayBuffer[] = []): void => {
  port.postMessage(message, transfer);
};
const fail = (error: unknown): void => {
  post({ type: 'failed', error: FtctlError.from(error).toJSON() });
};
const onWarning = (message: string): void => {
  post({ type: 'warning', message });
};

const imageLength = 3 * data.preprocessing.imageSize ** 2;
const keys = rowKeys(data);

let engine: Promise<FeatureEngine> | undefined;
const openEngine = (): Promise<FeatureEngine> => (engine ??= openFeatureEngine(data.engine));

async function openPipeline(): Promise<FeaturePipeline> {
  const cache = data.cacheFeatures
    ? await openFeatureCache(data.cacheDir, { onWarning })
    : noFeatureCache;
  const width = await rowWidth(cache).catch(async (error: unknown) => {
    await cache.close();
    throw error;
  });
  const { augment, seed, preprocessing, workingSide, cacheDir, cacheImages, counters } = data;
  const images = new ImagePool({
    entry: data.imageThread,
    data: { augment, seed, preprocessing, workingSide, cacheDir, cacheImages, counters },
    numThreads: data.numImageThreads,
    batchLength: batchRows(imageLength) * imageLength,
    onWarning,
  });
  const pipeline = new FeaturePipeline({
    width,
    imageLength,
    cache,
    keyOf: data.cacheFeatures ? keys.of : nameInRun,
    images,
    openEngine,
    counters: new SharedCounters(counters),
    nowMs: () => performance.now(),
    onAnswer: (id, features_BF) => {
      post({ type: 'answer', id, features_BF }, [features_BF.buffer as ArrayBuffer]);
    },
    onRejected: (id, error) => {
      post({ type: 'rejected', id, error: error.toJSON() });
    },
    onFailed: fail,
  });
  post({ type: 'opened', width });
  return pipeline;
}

/** Tells rows apart where nothing is stored, without hashing. */
function nameInRun({ file, view }: ImageRow): Buffer {
  return Buffer.from(`${file.id}\n${view}`);
}

/** The cache remembers the width, so that a run whose rows are all cached never loads the backbone. */
async function rowWidth(cache: FeatureCache): Promise<number> {
  const known = cache.get(keys.width, 1)?.[0];
  if (known !== undefined) return known;
  const { width } = await openEngine();
  cache.put(keys.width, Float32Array.of(width));
  return width;
}

const files = new Map<number, ImageFile>();
const opening = openPipeline();
let idleTimer: NodeJS.Timeout | undefined;

async function handle(message: ToFeatureThread): Promise<void> {
  if (message.type === 'close') {
    clearTimeout(idleTimer);
    const pipeline = await opening.catch(() => undefined);
    await pipeline?.close();
    await (await engine?.catch(() => undefined))?.close();
    port?.close();
    return;
  }
  const pipeline = await opening;
  if (message.type === 'abort') pipeline.abort(message.id);
  else {
    for (const [sample, file] of message.newFiles) files.set(sample, file);
    const { views } = message;
    for (const features_BF of message.spare) pipeline.recycle(features_BF);
    pipeline.request(
      message.id,
      Array.from(message.samples, (sample, row) =>
        sample === paddingSample ? null : { file: files.get(sample)!, view: views[row]! },
      ),
    );
  }
  scheduleFlush(pipeline);
}

/** So that a run that is killed loses little of what it computed. */
function scheduleFlush(pipeline: FeaturePipeline): void {
  clearTimeout(idleTimer);
  idleTimer = setTimeout(() => {
    if (pipeline.isIdle) pipeline.flush();
    else scheduleFlush(pipeline);
  }, idleFlushMs);
}

opening.catch(fail);
port.on('message', (message: ToFeatureThread) => {
  handle(message).catch(fail);
});
