import type { GradientEngine } from '../engines/gradient-engine.js';

/**
 * One run of each graph on zeros, of the shape that steps will have: threads are started, kernels chosen and code compiled before the
 * worker is a member, since afterwards everybody waits for it.
 */
export async function warmUp(
  engine: GradientEngine,
  shape: { numShards: number; rowsPerShard: number; numFeatures: number; numParameters: number },
): Promise<void> {
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
}
