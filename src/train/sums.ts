import type { EpochSums } from '../state/training-state.js';
import { numParametersOf, type BatchSums } from './vectors.js';

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

/**
 * The gradient of the mean loss: the summed gradient at the vector's start, divided once, in float32. Written into
 * `gradients`, which has the parameters' length.
 */
export function meanGradients(
  reduced: Float32Array,
  sums: BatchSums,
  gradients: Float32Array,
): Float32Array {
  const numParameters = numParametersOf(reduced);
  for (let i = 0; i < numParameters; i += 1) gradients[i] = reduced[i]! / sums.weight;
  return gradients;
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
