import { sumOwned } from '../collective/tree.js';
import type { GradientEngine } from '../engines/gradient-engine.js';
import { adamUpdate } from '../train/adam.js';
import { countNotFinite } from '../train/checks.js';
import { meanGradients } from '../train/sums.js';
import { stepVectorLength, sumsOf } from '../train/vectors.js';

export interface WarmUpShape {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly numFeatures: number;
  readonly numParameters: number;
}

/**
 * One run of each graph on zeros, of the shape that steps will have: threads are started, kernels chosen and code compiled before the
 * worker is a member, since afterwards everybody waits for it.
 */
export async function warmUp(engine: GradientEngine, shape: WarmUpShape): Promise<void> {
  const { numShards, rowsPerShard, numFeatures, numParameters } = shape;
  const numRows = numShards * rowsPerShard;
  const batch = {
    numShards,
    rowsPerShard,
    features_SBF: new Float32Array(numRows * numFeatures),
    labels_SB: new Int32Array(numRows),
    rowWeights_SB: new Float32Array(numRows),
  };
  const parameters_P = new Float32Array(numParameters);
  await engine.gradients(batch, parameters_P);
  await engine.evaluate(batch, parameters_P);
  warmLoops(numParameters);
}

const numWarmUpdates = 8;

/**
 * The loops of an update, until they are compiled, and for fractions (whole numbers would be compiled for themselves):
 * the first step takes tens of milliseconds otherwise.
 */
function warmLoops(numParameters: number): void {
  const numbers = (length: number) => new Float32Array(length).fill(0.3);
  const tensors = {
    parameters: numbers(numParameters),
    firstMoments: numbers(numParameters),
    secondMoments: numbers(numParameters),
  };
  const scratch = numbers(numParameters);
  const shard = numbers(stepVectorLength(numParameters));
  for (let step = 1; step <= numWarmUpdates; step += 1) {
    const reduced = sumOwned(0, [shard, shard], 2)[0]!.values;
    countNotFinite(reduced);
    const gradients = meanGradients(reduced, sumsOf(reduced), scratch);
    adamUpdate(tensors, gradients, step, 0.001, { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 });
  }
}
