import { Worker } from 'node:worker_threads';
import type { Partial } from '../collective/messages.js';
import { VectorPool } from '../collective/vector-pool.js';
import { FtctlError } from '../errors/index.js';
import { threadEntry } from '../util/thread-entry.js';
import type { PhaseEngineOptions } from './engine-options.js';
import type {
  EngineReply,
  EngineRequest,
  EngineTask,
  EngineThreadData,
  EngineThreadInput,
} from './engine-thread-messages.js';
import { armNativeGate } from './native-gate.js';
import type { PhaseEngine, ShardSums, TrainingTensors } from './phase-engine.js';
import { SharedCopy } from './shared-copy.js';

interface Waiting {
  readonly resolve: (result: Partial[] | ShardSums) => void;
  readonly reject: (error: FtctlError) => void;
}

/**
 * An engine in a thread of its own. Rejects with FT_ENGINE_UNAVAILABLE, FT_ENGINE_FAILED, or what the engine is not opened for; calls
 * reject with FT_ENGINE_FAILED once the thread has ended. As many arrays as a call gave are taken from the pool for the next one, if it has
 * them, and given to the thread.
 */
export async function openThreadedEngine(
  options: PhaseEngineOptions,
  pool = new VectorPool(),
): Promise<PhaseEngine> {
  armNativeGate();
  const newest = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const worker = new Worker(threadEntry(import.meta.url, './engine-thread.js'), {
    workerData: { options, newest } satisfies EngineThreadData,
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
    worker.on('message', (message: EngineReply) => {
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

  const parameters = new SharedCopy();
  const shared = (tensors: TrainingTensors): TrainingTensors => ({
    parameters: parameters.of(tensors.parameters),
    statistics: tensors.statistics,
  });

  /** Lengths of the vectors that the last call gave. */
  let lengths: readonly number[] = [];
  const takeSpare = (): Float32Array<ArrayBuffer>[] =>
    lengths.flatMap((length) => pool.takeSpare(length) ?? []);

  const call = (
    task: EngineTask,
    given: readonly Float32Array<ArrayBuffer>[] = [],
  ): Promise<Partial[] | ShardSums> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      const id = nextId++;
      waiting.set(id, { resolve, reject });
      Atomics.store(newest, 0, id);
      worker.postMessage(
        { id, ...task } satisfies EngineRequest,
        given.map(({ buffer }) => buffer),
      );
    });

  return {
    async gradients(batches, place, tensors) {
      const spare = takeSpare();
      const task = { kind: 'gradients', batches, place, tensors: shared(tensors), spare } as const;
      const partials = (await call(task, spare)) as Partial[];
      lengths = partials.map(({ values }) => values.length);
      return partials;
    },
    evaluate: (batch, tensors) =>
      call({ kind: 'evaluate', batch, tensors: shared(tensors) }) as Promise<ShardSums>,
    // Never `terminate`: see native-gate.ts.
    async close() {
      fail(ended('The engine was closed.'));
      Atomics.store(newest, 0, -1);
      worker.postMessage({ kind: 'close' } satisfies EngineThreadInput);
      await exited;
    },
  };
}
