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

/** Batches are copied. The tensors' arrays may be over shared memory: nobody writes there until the answer. */
export type EngineRequest = { readonly id: number } & EngineTask;

export type EngineTask =
  | {
      readonly kind: 'gradients';
      readonly batches: readonly ShardBatch[];
      readonly place: ShardPlace;
      readonly tensors: TrainingTensors;
      /** Arrays to write results to, which are given to the thread. */
      readonly spare: readonly Float32Array[];
    }
  | { readonly kind: 'evaluate'; readonly batch: ShardBatch; readonly tensors: TrainingTensors };

/** From the thread: `ready` once, then one reply per request, in order. Results are transferred, not copied. */
export type EngineReply =
  | { readonly type: 'ready' }
  | { readonly type: 'unavailable'; readonly error: FtctlErrorJson }
  | { readonly type: 'result'; readonly id: number; readonly result: Partial[] | ShardSums }
  | { readonly type: 'error'; readonly id: number; readonly error: FtctlErrorJson };
