/**
 * One call's rows: S shards (or evaluation chunks) of B rows each, all on one fixed B. Rows of weight 0 are padding:
 * their features and labels are finite and in range, and they add nothing to any sum.
 */
export interface ShardBatch {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly features_SBF: Float32Array;
  readonly labels_SB: Int32Array;
  readonly rowWeights_SB: Float32Array;
}

/** Sums (not means) over a shard's weighted rows. */
export interface ShardSums {
  /** Sum of weight * cross-entropy. */
  readonly losses_S: Float32Array;
  /** Number of rows of weight > 0 whose largest logit (the first one among equals) is the label's. */
  readonly correct_S: Float32Array;
}

export interface ShardGradients extends ShardSums {
  /** Gradient of the summed loss, parameters flattened in ParameterLayout order. */
  readonly gradients_SP: Float32Array;
}

/**
 * Port: forward and gradient of the trainable part.
 * Contract (test/contract): shard s's results have the same bits whatever S is and wherever it stands in the batch.
 */
export interface GradientEngine {
  /** One call at a time; `gradients_SP` may be written anew by the next call. */
  gradients(batch: ShardBatch, parameters_P: Float32Array): Promise<ShardGradients>;
  /** The sums without the gradient. */
  evaluate(batch: ShardBatch, parameters_P: Float32Array): Promise<ShardSums>;
  close(): Promise<void>;
}
