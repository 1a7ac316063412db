import type { ShardGradients, ShardSums } from '../engines/gradient-engine.js';
import type { PaddedBatch } from './batch.js';

/*
 * What a shard adds to a round, as one float32 vector, so that loss and counts go through the same tree as the
 * gradient: step [gradient P, loss, weight, correct, count], evaluation [loss, weight, correct, count]. Counts are
 * exact up to 2^24 samples a round.
 */
const numSums = 4;

export const evaluationVectorLength = numSums;

export function stepVectorLength(numParameters: number): number {
  return numParameters + numSums;
}

/** The inverse of {@link stepVectorLength}. */
export function numParametersOf(stepVector: Float32Array): number {
  return stepVector.length - numSums;
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

/** One vector per shard of a step's batch. */
export function stepVectors(batch: PaddedBatch, results: ShardGradients): Float32Array[] {
  const numParameters = results.gradients_SP.length / batch.numShards;
  return Array.from({ length: batch.numShards }, (_, shard) => {
    const vector = new Float32Array(stepVectorLength(numParameters));
    const start = shard * numParameters;
    vector.set(results.gradients_SP.subarray(start, start + numParameters));
    addSums(vector, batch, results, shard);
    return vector;
  });
}

/** Adds row group `row` of a batch (a shard, or a chunk of one) to the sums at the vector's end, in float32. */
export function addSums(
  vector: Float32Array,
  batch: PaddedBatch,
  results: ShardSums,
  row: number,
): void {
  const at = vector.length - numSums;
  const start = row * batch.rowsPerShard;
  let weight = 0;
  for (let i = start; i < start + batch.rowsPerShard; i += 1) {
    weight = Math.fround(weight + batch.rowWeights_SB[i]!);
  }
  vector[at] = vector[at]! + results.losses_S[row]!;
  vector[at + 1] = vector[at + 1]! + weight;
  vector[at + 2] = vector[at + 2]! + results.correct_S[row]!;
  vector[at + 3] = vector[at + 3]! + batch.counts_S[row]!;
}
