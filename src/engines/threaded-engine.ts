import { Worker } from 'node:worker_threads';
import type { Partial } from '../collective/messages.js';
import { VectorPool } from '../collective/vector-pool.js';
import { FtctlError } from '../errors/index.js';
import { threadEntry } from '../util/thread-entry.js';
import type { PhaseEngineOptions } from './engine-options.js';
import type {
  EngineAnswer,
  EngineReply,
  EngineRequest,
  EngineTask,
  EngineThreadData,
  EngineThreadInput,
  SentBatch,
} from './engine-thread-messages.js';
import { armNativeGate } from './native-gate.js';
import type { PhaseEngine, ShardBatch, ShardSums, TrainingTensors } from './phase-engine.js';
import { SharedCopy } from './shared-copy.js';

interface Waiting {
  readonly resolve: (result: Partial[] | ShardSums) => void;
  readonly reject: (error: FtctlError) => void;
  readonly loans: readonly Loan[];
}

/** Features that the thread has until its answer. */
interface Loan {
  readonly features_SBF: Float32Array<ArrayBuffer>;
  readonly giveBack: NonNullable<ShardBatch['giveBack']>;
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

  const answered = ({ id, lent }: EngineAnswer): Waiting | undefined => {
    const call = waiting.get(id);
    waiting.delete(id);
    for (const [i, { giveBack }] of call?.loans.entries() ?? []) giveBack(lent[i]!);
    return call;
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

  const opened = new Promise<void>((resolve, reject) => {
    worker.on('message', (message: EngineReply) => {
      switch (message.type) {
        case 'ready':
          resolve();
          return;
        case 'unavailable':
          reject(FtctlError.fromJSON(message.error));
          return;
        case 'result':
          answered(message)?.resolve(message.result);
          return;
        case 'error':
          answered(message)?.reject(FtctlError.fromJSON(message.error));
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

  try {
    await opened;
  } catch (error) {
    // The thread ends by itself: nobody else would wait for it.
    await exited;
    throw error;
  }

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
    loans: readonly Loan[],
    given: readonly Float32Array<ArrayBuffer>[] = [],
  ): Promise<Partial[] | ShardSums> =>
    new Promise((resolve, reject) => {
      if (failure !== undefined) {
        reject(failure);
        return;
      }
      const id = nextId++;
      const lent = loans.map(({ features_SBF }) => features_SBF);
      waiting.set(id, { resolve, reject, loans });
      Atomics.store(newest, 0, id);
      worker.postMessage(
        { id, lent, ...task } satisfies EngineRequest,
        [...given, ...lent].map(({ buffer }) => buffer),
      );
    });

  return {
    async gradients(batches, place, tensors) {
      const spare = takeSpare();
      const task = {
        ...({ kind: 'gradients', place, spare } as const),
        batches: batches.map(sentBatch),
        tensors: shared(tensors),
      };
      const partials = (await call(task, batches.flatMap(loansOf), spare)) as Partial[];
      lengths = partials.map(({ values }) => values.length);
      return partials;
    },
    evaluate: (batch, tensors) =>
      call(
        { kind: 'evaluate', batch: sentBatch(batch), tensors: shared(tensors) },
        loansOf(batch),
      ) as Promise<ShardSums>,
    // Never `terminate`: see native-gate.ts.
    async close() {
      fail(ended('The engine was closed.'));
      Atomics.store(newest, 0, -1);
      worker.postMessage({ kind: 'close' } satisfies EngineThreadInput);
      await exited;
    },
  };
}

/** A function cannot be sent. */
function sentBatch(batch: ShardBatch): SentBatch {
  const { numShards, rowsPerShard, features_SBF, targets_SBK, labels_SB } = batch;
  const { weights_S, counts_S, mix, dropout } = batch;
  return {
    ...{ numShards, rowsPerShard, features_SBF, targets_SBK, labels_SB },
    ...{ weights_S, counts_S, mix, dropout },
  };
}

/** The batch's features, where they may be taken over and no part of their buffer is anybody else's. */
function loansOf({ features_SBF, giveBack }: ShardBatch): Loan[] {
  if (giveBack === undefined || features_SBF.byteLength === 0) return [];
  const isWhole = features_SBF.byteLength === features_SBF.buffer.byteLength;
  return isWhole && isUnshared(features_SBF) ? [{ features_SBF, giveBack }] : [];
}

function isUnshared(values: Float32Array): values is Float32Array<ArrayBuffer> {
  return values.buffer instanceof ArrayBuffer;
}
