import type { PhaseSpec } from '../config/run-spec.js';
import { extendLedger } from '../state/ledger.js';
import { decodeSnapshot, encodeSnapshot } from '../state/snapshot.js';
import type { BestState, TrainingState } from '../state/training-state.js';
import { countNotFinite } from './checks.js';
import { clipGradients } from './clip.js';
import type { ElementRange } from './optimizers/tensors.js';
import { updateRange, type UpdateScalars } from './optimizers/update.js';
import type { Snapshot } from './trainer.js';

/** What a step does to a state's parameters and moments. */
export interface UpdateTask {
  /** The sum over all shards; its first values are the gradient's. It is taken over: the caller does not use it again. */
  readonly reduced: Float32Array;
  readonly numTrained: number;
  /** Sum of the samples' weights: the gradient is divided by it. */
  readonly weight: number;
  readonly ranges: readonly (ElementRange & { readonly scalars: UpdateScalars })[];
  readonly clip: PhaseSpec['clip'];
}

export interface Inspection {
  /** Values that are not finite. */
  readonly numBad: number;
  /** After the round. */
  readonly ledger: string;
  /** The vector that was inspected: the caller's again, in an array that may be another one. */
  readonly reduced: Float32Array;
}

/**
 * Port: what goes over the whole of a state's arrays. Of a large state it would block the control thread, so that one implementation does it
 * in other threads; the bits are the same.
 */
export interface StateWork {
  /** An array of zeros for a part of a state, in memory that the work can reach. */
  allocate(length: number): Float32Array;
  /** Takes the reduced vector over until it gives it back. */
  inspect(reduced: Float32Array, ledger: string, round: number): Promise<Inspection>;
  /** Moves parameters and moments in place. Gives the reduced vector's array back, with any values in it. */
  update(state: TrainingState, task: UpdateTask): Promise<Float32Array>;
  /** A copy of the parameters, in memory from `allocate`: that of `into`, whose values are no longer needed, if there is one. */
  keep(parameters: Float32Array, into: Float32Array | undefined): Promise<Float32Array>;
  /** Fresh moments; parameters and statistics are those of `from` where it is given. */
  restart(state: TrainingState, from: BestState | null): Promise<void>;
  snapshot(state: TrainingState): Promise<Snapshot>;
  /** The state that was encoded, its large arrays in memory from `allocate`. Rejects as decodeSnapshot throws. */
  restore(bytes: Uint8Array): Promise<TrainingState>;
  close(): Promise<void>;
}

/** The work of a small state: done at once, in the calling thread. */
export function inlineStateWork(): StateWork {
  // The mean gradient of a step, used for nothing between steps: 100 KB of garbage less in each.
  let mean = new Float32Array(0);
  return {
    allocate: (length) => new Float32Array(length),
    inspect: (reduced, ledger, round) =>
      Promise.resolve({
        numBad: countNotFinite(reduced),
        ledger: extendLedger(ledger, round, reduced),
        reduced,
      }),
    update(state, { reduced, numTrained, weight, ranges, clip }) {
      if (mean.length !== numTrained) mean = new Float32Array(numTrained);
      for (let i = 0; i < numTrained; i += 1) mean[i] = reduced[i]! / weight;
      clipGradients(mean, clip);
      for (const range of ranges) updateRange(state, mean, range, range.scalars);
      return Promise.resolve(reduced);
    },
    keep: (parameters) => Promise.resolve(parameters.slice()),
    restart(state, from) {
      if (from !== null) {
        state.parameters.set(from.parameters);
        state.statistics.set(from.statistics);
      }
      state.firstMoments.fill(0);
      state.secondMoments.fill(0);
      return Promise.resolve();
    },
    snapshot: (state) => Promise.resolve(encodeSnapshot(state)),
    restore: (bytes) => Promise.resolve(decodeSnapshot(bytes)),
    close: () => Promise.resolve(),
  };
}
