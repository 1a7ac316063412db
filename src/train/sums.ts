import type { EpochSums } from '../state/training-state.js';
import type { BatchSums } from './vectors.js';

/**
 * The mean loss, weighted as PyTorch's CrossEntropyLoss weighs it (sum of weight * loss over sum of weights, also
 * over the whole of several batches), and the fraction of right answers.
 */
export function meanOf(sums: BatchSums): {
  loss: number;
  accuracy: number;
} {
  return { loss: sums.loss / sums.weight, accuracy: sums.correct / sums.count };
}

/** An epoch's sums with one more batch, in double precision: exact enough for any number of steps. */
export function addToEpoch(epoch: EpochSums, batch: BatchSums): EpochSums {
  return {
    loss: epoch.loss + batch.loss,
    weight: epoch.weight + batch.weight,
    correct: epoch.correct + batch.correct,
    count: epoch.count + batch.count,
  };
}
