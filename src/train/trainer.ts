import type { Partial } from '../collective/messages.js';
import type { StateRef } from '../rpc/control-messages.js';

/** What the next round is. Rounds count from 1; a state at round r has applied 1..r. */
export type RoundPlan =
  | {
      readonly kind: 'step';
      readonly round: number;
      readonly phase: number;
      readonly epoch: number;
      readonly step: number;
      readonly vectorLength: number;
    }
  | {
      readonly kind: 'evaluate';
      readonly round: number;
      readonly phase: number;
      readonly epoch: number;
      readonly split: 'val' | 'test';
      readonly vectorLength: number;
    }
  | {
      /** Switches to `phase`: fresh moments, and the best parameters where the phase says `from: best`. */
      readonly kind: 'phase';
      readonly round: number;
      readonly phase: number;
      readonly epoch: number;
      readonly vectorLength: number;
    };

/** Contiguous owned shards. */
export interface ShardRange {
  readonly firstShard: number;
  readonly numShards: number;
}

/** What applying a round decided; the same on every worker. */
export interface RoundOutcome {
  readonly plan: RoundPlan;
  readonly split: 'train' | 'val' | 'test';
  /** Number of samples, mean loss and fraction correct of the batch or split. */
  readonly samples: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly learningRate: number;
  /** Of an evaluation on val: means over the training steps of its epoch, the loss by the samples' weights; null otherwise. */
  readonly epochTraining: { readonly loss: number; readonly accuracy: number } | null;
  /** A checkpoint is due at this state. */
  readonly checkpointDue: boolean;
  /** The state is the best one so far. */
  readonly isBest: boolean;
  readonly finished: boolean;
}

/** An immutable copy of a state, in the checkpoint format (state/checkpoint-format.ts). */
export interface Snapshot extends StateRef {
  readonly bytes: Uint8Array;
}

/**
 * The run as a sequence of rounds, with no idea of processes or networks: `compute` gives the owned shards' part of the
 * fixed tree, the tree gives the sum over all shards, `apply` takes the sum. Every decision is a pure function of the
 * state, hence the same on each worker.
 *
 * `apply`, `snapshot`, `stateRef` and `restore` may take long (a large state is worked on in another thread); they are done
 * one after the other, in the order of the calls. The getters tell of the last one that is done: a state in between is
 * never seen.
 */
export interface Trainer {
  /** Rounds applied. */
  readonly round: number;
  /** Running hash of the reduced vectors of all rounds applied, hex (state/ledger.ts). */
  readonly ledger: string;
  readonly finished: boolean;
  /** Of the last round applied, over the whole run, from 0. */
  readonly epoch: number;
  /** Throws if finished. */
  next(): RoundPlan;
  /**
   * The sums below the maximal subtrees of the owned shards (collective/tree.ts), of `plan.vectorLength` values each,
   * ascending. Does not change the state. The values are the caller's: they are not written to again.
   */
  compute(plan: RoundPlan, shards: ShardRange, signal: AbortSignal): Promise<Partial[]>;
  /**
   * All-or-nothing: rejects with FT_LOSS_NOT_FINITE (before anything moves) on every worker alike. Takes `reduced` over:
   * the caller does not use it again.
   */
  apply(plan: RoundPlan, reduced: Float32Array): Promise<RoundOutcome>;
  /** Reference to the state as it is. */
  stateRef(): Promise<StateRef>;
  snapshot(): Promise<Snapshot>;
  restore(snapshot: Snapshot): Promise<void>;
}

/** A trainer that can get ready ahead of its next round. */
export interface OpenableTrainer extends Trainer {
  /**
   * Opens what the next round's phase is computed with, and warms it up for the steps of `shards`. Rejects with what cannot be opened, or
   * with the signal's reason. Nothing is opened for a run that has ended.
   */
  open(shards: ShardRange, signal: AbortSignal): Promise<void>;
}
