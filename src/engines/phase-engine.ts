import type { Partial } from '../collective/messages.js';

/**
 * One call's rows: S shards' microbatches (or chunks of an evaluation) of B rows each, all on one fixed B. Legend: F features of a
 * row, K classes. Padding rows have features and targets 0 and the label -1; they add nothing to any sum.
 */
export interface ShardBatch {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly features_SBF: Float32Array;
  /**
   * What the loss of a row is taken against, `-sum_k q_k log p_k`: the row's weight, its class's, label smoothing and mixup are in it.
   */
  readonly targets_SBK: Float32Array;
  /** The class that counts as right. */
  readonly labels_SB: Int32Array;
  /** Of each shard: the sum of its rows' weights (float32, in the order of the rows), and its rows that are no padding. */
  readonly weights_S: Float32Array;
  readonly counts_S: Float32Array;
  readonly mix: RowMix | null;
  /** What masks are drawn by; null: nothing is dropped. A classifier behind a frozen network has no dropout. */
  readonly dropout: DropoutDraws | null;
  /**
   * Present: the engine may take the features over. An array that it took is of length 0 for the caller from then on; one of the same
   * length, with any values in it, is given back when the call is done with it.
   */
  readonly giveBack?: (features_SBF: Float32Array<ArrayBuffer>) => void;
}

/** Mixup: a row's features become lambda * its own + (1 - lambda) * its partner's. Padding rows are their own partners. */
export interface RowMix {
  /** A row of the same shard, from 0 to B - 1. */
  readonly partners_SB: Int32Array;
  readonly lambdas_SB: Float32Array;
}

/** A mask is a function of these and of the layer alone (data/dropout-mask.ts). */
export interface DropoutDraws {
  readonly seed: number;
  readonly step: number;
  /** Id of each row's sample; '' for padding. */
  readonly samples: readonly string[];
}

/** Which of the run's shards a batch's are: `firstShard` and those after it. */
export interface ShardPlace {
  readonly firstShard: number;
  readonly numShards: number;
  readonly numShardsOfRun: number;
}

/** What is computed with: the run's state, whatever of it the phase moves. */
export interface TrainingTensors {
  /** In the order of the state (models/parameter-layout.ts). */
  readonly parameters: Float32Array;
  /** For each batch norm of the state, by layer name: running mean [C], running variance [C]. */
  readonly statistics: Float32Array;
}

/** Sums (not means) over the rows of each shard. */
export interface ShardSums {
  readonly losses_S: Float32Array;
  /** Number of rows whose largest logit (the first one among equals) is the label's. */
  readonly correct_S: Float32Array;
}

/**
 * Port: forward and gradient of what a phase trains.
 * Contract (test/contract/engines): a shard's part has the same bits whatever other shards are in the call, and partials are the sums of
 * the fixed tree (collective/tree.ts). A batch's arrays are only read, but for features with `giveBack`. One call at a time; after one that was given up the next may
 * come at once. Calls reject with FT_ENGINE_FAILED.
 */
export interface PhaseEngine {
  /**
   * One partial for each maximal subtree of the owned shards, ascending: the sum of their step vectors, an array that is the caller's.
   * A shard's step vector is the float32 sum of its vectors of the batches, in their order; of one batch it is [gradient of the summed loss by the phase's parameters, in the state's order; with `batchNorm: shard` for each trained
   * batch norm by name the mean [C] and the unbiased variance [C] of its microbatch (0 without rows), then 1 (0 without rows);
   * loss, weight, right answers, rows].
   */
  gradients(
    batches: readonly ShardBatch[],
    place: ShardPlace,
    tensors: TrainingTensors,
  ): Promise<Partial[]>;
  /** The sums without the gradient: nothing is dropped, running statistics, no auxiliary loss. */
  evaluate(batch: ShardBatch, tensors: TrainingTensors): Promise<ShardSums>;
  close(): Promise<void>;
}
