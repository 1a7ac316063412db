import type { Partial } from '../collective/messages.js';
import type { FtctlErrorJson } from '../errors/index.js';
import type { PhaseEngineOptions } from './engine-options.js';
import type { ShardBatch, ShardPlace, ShardSums, TrainingTensors } from './phase-engine.js';

/** What the thread is started with. */
export interface EngineThreadData {
  readonly options: PhaseEngineOptions;
  /** [1], shared: the id of the newest request, -1 once the engine is closed. Older requests were given up: nobody waits for them. */
  readonly newest: Int32Array;
}

/** To the thread: a request, or `close`: do nothing more, release the sessions and end. */
export type EngineThreadInput = EngineRequest | { readonly kind: 'close' };

/** A batch without what cannot be sent. */
export type SentBatch = Omit<ShardBatch, 'giveBack'>;

/**
 * Batches are copied, but for features that are lent to the thread: they are transferred, and come back with the answer. The tensors'
 * arrays may be over shared memory: nobody writes there until the answer.
 */
export type EngineRequest = {
  readonly id: number;
  /** Of the batches, the very arrays. */
  readonly lent: readonly Float32Array<ArrayBuffer>[];
} & EngineTask;

export type EngineTask =
  | {
      readonly kind: 'gradients';
      readonly batches: readonly SentBatch[];
      readonly place: ShardPlace;
      readonly tensors: TrainingTensors;
      /** Arrays to write results to, which are given to the thread. */
      readonly spare: readonly Float32Array[];
    }
  | { readonly kind: 'evaluate'; readonly batch: SentBatch; readonly tensors: TrainingTensors };

/** From the thread: `ready` once, then one answer per request, in order. Results and `lent` are transferred, not copied. */
export type EngineReply =
  | { readonly type: 'ready' }
  | { readonly type: 'unavailable'; readonly error: FtctlErrorJson }
  | EngineAnswer;

export type EngineAnswer = {
  readonly id: number;
  /** The request's. */
  readonly lent: readonly Float32Array<ArrayBuffer>[];
} & (
  | { readonly type: 'result'; readonly result: Partial[] | ShardSums }
  | { readonly type: 'error'; readonly error: FtctlErrorJson }
);
