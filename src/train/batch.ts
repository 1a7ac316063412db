import type { FeatureRequest } from '../features/feature-source.js';
import type { ShardBatch } from '../engines/gradient-engine.js';

/** Rows of one shard in one engine run: a microbatch, or a chunk of an evaluation. At most rowsPerShard of them. */
export interface RowGroup {
  readonly samples: Int32Array;
  readonly views: Int32Array;
}

/** Labels and weights of all samples of the manifest, by sample index. */
export interface SampleTable {
  readonly labels: Int32Array;
  readonly weights: Float32Array;
}

/** A batch for the engine, with the number of real (not padding) rows of each group. */
export interface PaddedBatch extends ShardBatch {
  readonly counts_S: Int32Array;
}

/** The features that the groups' rows need, in row order. */
export function requestOf(groups: readonly RowGroup[]): FeatureRequest {
  const numRows = groups.reduce((sum, group) => sum + group.samples.length, 0);
  const samples = new Int32Array(numRows);
  const views = new Int32Array(numRows);
  let at = 0;
  for (const group of groups) {
    samples.set(group.samples, at);
    views.set(group.views, at);
    at += group.samples.length;
  }
  return { samples, views };
}

/**
 * Groups as one engine batch of a fixed shape, each filled up to the plan's `rowsPerShard` with rows of weight 0 (features 0,
 * label 0). `features_RF` are the rows of {@link requestOf}, in its order; they are copied.
 */
export function padBatch(
  groups: readonly RowGroup[],
  features_RF: Float32Array,
  run: { plan: { rowsPerShard: number }; numFeatures: number; table: SampleTable },
): PaddedBatch {
  const { numFeatures, table } = run;
  const { rowsPerShard } = run.plan;
  const numShards = groups.length;
  const batch = {
    numShards,
    rowsPerShard,
    features_SBF: new Float32Array(numShards * rowsPerShard * numFeatures),
    labels_SB: new Int32Array(numShards * rowsPerShard),
    rowWeights_SB: new Float32Array(numShards * rowsPerShard),
    counts_S: Int32Array.from(groups, ({ samples }) => samples.length),
  };
  let from = 0;
  for (const [shard, { samples }] of groups.entries()) {
    const row = shard * rowsPerShard;
    const to = from + samples.length * numFeatures;
    batch.features_SBF.set(features_RF.subarray(from, to), row * numFeatures);
    for (const [i, sample] of samples.entries()) {
      batch.labels_SB[row + i] = table.labels[sample]!;
      batch.rowWeights_SB[row + i] = table.weights[sample]!;
    }
    from = to;
  }
  return batch;
}
