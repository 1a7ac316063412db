import { parentPort, workerData } from 'node:worker_threads';
import { noPixelCache } from '../data/pixel-cache.js';
import { FtctlError } from '../errors/index.js';
import { SharedCounters } from './feature-counters.js';
import { ImagePreparer } from './image-preparer.js';
import { openPixelCache } from './lmdb-cache.js';
import type { FromImageThread, ImageThreadData, ToImageThread } from './thread-messages.js';

/** Worker thread: turns files into batches of network inputs, and keeps the decoded images. */
const port = parentPort;
if (port === null) throw new Error('image-thread.js runs as a worker thread only');
const data = workerData as ImageThreadData;

/** What was decoded is committed once no batch came for so long, so that a killed run loses little of it. */
const idleFlushMs = 200;

const post = (message: FromImageThread, transfer: ArrayBuffer[] = []): void => {
  port.postMessage(message, transfer);
};

const pixels = data.cacheImages
  ? await openPixelCache(data.cacheDir, {
      onWarning: (message) => {
        post({ type: 'warning', message });
      },
    })
  : { ...noPixelCache, flush: () => Promise.resolve(), close: () => Promise.resolve() };

const preparer = new ImagePreparer({
  settings: data,
  pixels,
  counters: new SharedCounters(data.counters),
  nowMs: () => performance.now(),
});

let idleTimer: NodeJS.Timeout | undefined;
let numRunning = 0;

async function prepare(message: ToImageThread & { type: 'prepare' }): Promise<void> {
  clearTimeout(idleTimer);
  numRunning += 1;
  const { batch, rows, images_NCHW } = message;
  const failures = await preparer.prepare(rows, images_NCHW);
  post({ type: 'prepared', batch, images_NCHW, failures }, [images_NCHW.buffer as ArrayBuffer]);
  numRunning -= 1;
  if (numRunning === 0) idleTimer = setTimeout(() => void pixels.flush(), idleFlushMs);
}

async function close(): Promise<void> {
  clearTimeout(idleTimer);
  preparer.close();
  await pixels.close();
  port?.close();
}

function fail(error: unknown): void {
  post({ type: 'failed', error: FtctlError.from(error).toJSON() });
}

port.on('message', (message: ToImageThread) => {
  if (message.type === 'prepare') prepare(message).catch(fail);
  else close().catch(fail);
});
