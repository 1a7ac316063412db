/*
 * What a shard adds to a round, as one float32 vector, so that loss, counts and statistics go through the same tree as the gradient: a step's
 * [gradient, statistics and the number of shards with rows (where statistics move), loss, weight, correct, count], an evaluation's
 * [loss, weight, correct, count]. Counts are exact up to 2^24 samples a round.
 */

/** Loss, weight, right answers and rows, at each vector's end. */
export const numSums = 4;

/** `numStatistics`: values of the batch means and variances of all batch norms whose statistics move. */
export function stepVectorLength(numTrained: number, numStatistics: number): number {
  return numTrained + (numStatistics === 0 ? 0 : numStatistics + 1) + numSums;
}
