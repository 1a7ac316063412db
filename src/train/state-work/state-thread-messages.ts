import type { FtctlErrorJson } from '../../errors/index.js';
import type { TrainingState } from '../../state/training-state.js';
import type { OptimizerTensors } from '../optimizers/tensors.js';
import type { Inspection, UpdateTask } from '../state-work.js';
import type { Snapshot } from '../trainer.js';
import type { MemoryPlace } from './state-memory.js';

/**
 * What the thread is asked for. A state's large arrays lie in shared memory, so that they are sent as they are, and nobody else writes to them until
 * the answer; a reduced vector is given to the thread, and back with the answer.
 */
export type StateTask =
  | {
      readonly kind: 'inspect';
      readonly reduced: Float32Array;
      readonly ledger: string;
      readonly round: number;
    }
  | {
      readonly kind: 'update';
      /** That of the tensors, where it is not that of the update before. */
      readonly place: MemoryPlace | null;
      readonly tensors: OptimizerTensors;
      readonly task: UpdateTask;
    }
  | { readonly kind: 'copy'; readonly from: Float32Array; readonly into: Float32Array }
  | {
      readonly kind: 'restart';
      readonly tensors: OptimizerTensors;
      readonly parameters: Float32Array | null;
    }
  | { readonly kind: 'snapshot'; readonly state: TrainingState }
  | { readonly kind: 'restore'; readonly place: MemoryPlace; readonly bytes: Uint8Array };

/** What each task gives. */
export interface StateResults {
  readonly inspect: Inspection;
  readonly update: Float32Array;
  readonly copy: null;
  readonly restart: null;
  readonly snapshot: Snapshot;
  /** `used`: of the memory, from now on. */
  readonly restore: { readonly state: TrainingState; readonly used: number };
}

export interface StateRequest {
  readonly id: number;
  readonly task: StateTask;
}

/** One for each request, in order. */
export type StateReply =
  | { readonly id: number; readonly result: StateResults[keyof StateResults] }
  | { readonly id: number; readonly error: FtctlErrorJson };
