import type { Partial } from '../collective/messages.js';
import { numSums } from '../collective/step-vector.js';
import type { ShardBatch, ShardSums } from '../engines/phase-engine.js';

export const evaluationVectorLength = numSums;

/** The sums of batch means and variances, and the number of shards that they are of; undefined where no statistics move. */
export function statisticsPart(vector: Float32Array, numTrained: number): Float32Array | undefined {
  const end = vector.length - numSums;
  return end > numTrained ? vector.subarray(numTrained, end) : undefined;
}

/** The sums at a vector's end: of weight * loss, of weights, of right answers, and the number of samples. */
export interface BatchSums {
  readonly loss: number;
  readonly weight: number;
  readonly correct: number;
  readonly count: number;
}

export function sumsOf(vector: Float32Array): BatchSums {
  const at = vector.length - numSums;
  return {
    loss: vector[at]!,
    weight: vector[at + 1]!,
    correct: vector[at + 2]!,
    count: vector[at + 3]!,
  };
}

/** Samples below the nodes of these partials. */
export function countOf(partials: readonly Partial[]): number {
  return partials.reduce((sum, { values }) => sum + sumsOf(values).count, 0);
}

/** Adds row group `row` of a batch (a chunk of a shard's evaluation) to the sums at the vector's end, in float32. */
export function addSums(
  vector: Float32Array,
  batch: ShardBatch,
  results: ShardSums,
  row: number,
): void {
  const at = vector.length - numSums;
  vector[at] = vector[at]! + results.losses_S[row]!;
  vector[at + 1] = vector[at + 1]! + batch.weights_S[row]!;
  vector[at + 2] = vector[at + 2]! + results.correct_S[row]!;
  vector[at + 3] = vector[at + 3]! + batch.counts_S[row]!;
}
