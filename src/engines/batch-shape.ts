import type { ShardBatch } from './phase-engine.js';

/** What an engine was opened for. */
export interface BatchShape {
  readonly rowsPerShard: number;
  readonly numFeatures: number;
  readonly numClasses: number;
  /** Absent: any. */
  readonly numShards?: number;
}

/** Throws on a batch whose arrays contradict each other or the shape: a caller's mistake, not a user's. */
export function assertBatchFits(batch: ShardBatch, shape: BatchShape): void {
  const { numShards, rowsPerShard, mix, dropout } = batch;
  const { numFeatures, numClasses } = shape;
  const rows = numShards * shape.rowsPerShard;
  const fits =
    rowsPerShard === shape.rowsPerShard &&
    numShards === (shape.numShards ?? numShards) &&
    batch.features_SBF.length === rows * numFeatures &&
    batch.targets_SBK.length === rows * numClasses &&
    batch.labels_SB.length === rows &&
    batch.weights_S.length === numShards &&
    batch.counts_S.length === numShards &&
    (mix === null || (mix.partners_SB.length === rows && mix.lambdas_SB.length === rows)) &&
    (dropout === null || dropout.samples.length === rows);
  if (fits) return;
  throw new RangeError(
    `A batch of ${numShards} x ${rowsPerShard} rows does not fit an engine of ${shape.rowsPerShard} rows, ${numFeatures} features and ${numClasses} classes.`,
  );
}
