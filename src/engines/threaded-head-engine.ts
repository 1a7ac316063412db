import { Worker } from 'node:worker_threads';
import { FtctlError } from '../errors/index.js';
import { threadEntry } from '../util/thread-entry.js';
import type { GradientEngine, ShardBatch, ShardGradients, ShardSums } from './gradient-engine.js';
import type {
  GradientReply,
  GradientRequest,
  GradientThreadInput,
} from './gradient-thread-messages.js';
import type { HeadSessionOptions } from './head-session.js';
import { armNativeGate } from './native-gate.js';

interface Waiting {
  readonly resolve: (result: ShardGradients | ShardSums) => void;
  readonly reject: (error: FtctlError) => void;
}

/** The head's gradient engine in a thread of its own. Rejects with FT_ENGINE_UNAVAILABLE or FT_ENGINE_FAILED. */
export async function openThreadedHeadEngine(options: HeadSessionOptions): Promise<GradientEngine> {
  armNativeGate();
  const worker = new Worker(threadEntry(import.meta.url, './gradient-thread.js'), {
    workerData: options,
    name: 'ftctl-gradients',
  });
  const waiting = new Map<number, Waiting>();
  let nextId = 0;
  let failure: FtctlError | undefined;

  const fail = (error: FtctlError): void => {
    failure ??= error;
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };

  const ended = (why: string, cause?: unknown): FtctlError =>
    new FtctlError('FT_ENGINE_FAILED', {
      what: 'The thread that computes gradients has ended.',
      why,
      cause,
    });

  const exited = new Promise<void>((resolve) => {
    worker.on('exit', (code) => {
      fail(ended(`Its exit code is ${code}.`));
      resolve();
    });
  });

  await new Promise<void>((resolve, reject) => {
    worker.on('message', (message: GradientReply) => {
      switch (message.type) {
        case 'ready':
          resolve();
          return;
        case 'unavailable':
          reject(FtctlError.fromJSON(message.error));
          return;
        case 'result':
          waiting.get(message.id)?.resolve(message.result);
          waiting.delete(message.id);
          return;
        case 'error':
          waiting.get(message.id)?.reject(FtctlError.fromJSON(message.error));
          waiting.delete(message.id);
      }
    });
    worker.on('error', (error: Error) => {
      const failed = ended(`It failed: ${error.message}.`, error);
      fail(failed);
      reject(failed);
    });
    worker.on('exit', () => {
      reject(failure ?? ended('It did not start.'));
    });
  });

  const call = (
    kind: GradientRequest['kind'],
    batch: ShardBatch,
    parameters_P: Float32Array,
  ): Promise<ShardGradients | ShardSums> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ id, kind, batch, parameters_P } satisfies GradientRequest);
    });

  return {
    gradients: (batch, parameters_P) =>
      call('gradients', batch, parameters_P) as Promise<ShardGradients>,
    evaluate: (batch, parameters_P) => call('evaluate', batch, parameters_P),
    // Never `terminate`: see native-gate.ts.
    async close() {
      fail(ended('The engine was closed.'));
      worker.postMessage({ kind: 'close' } satisfies GradientThreadInput);
      await exited;
    },
  };
}
