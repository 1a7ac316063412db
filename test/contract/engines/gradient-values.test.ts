import { expect, test } from 'vitest';
import type { ShardBatch } from '../../../src/engines/gradient-engine.js';
import { openHeadSession } from '../../../src/engines/head-session.js';
import { openThreadedHeadEngine } from '../../../src/engines/threaded-head-engine.js';
import { headOfSize, randomBatch, randomFloats } from './head-batches.js';

const sizes = { numShards: 3, rowsPerShard: 5, numFeatures: 7, numClasses: 4 };
const { numShards, rowsPerShard, numFeatures, numClasses } = sizes;
const options = {
  head: headOfSize(numFeatures, numClasses),
  rowsPerShard,
  provider: 'cpu',
} as const;

/** One shard's loss in float64, written out: parameters are bias [K], then weight [K, F]. */
function shardLoss(batch: ShardBatch, shard: number, parameters: Float64Array): number {
  let total = 0;
  for (let row = shard * rowsPerShard; row < (shard + 1) * rowsPerShard; row++) {
    const logits = Array.from({ length: numClasses }, (_, k) => {
      let logit = parameters[k]!;
      for (let f = 0; f < numFeatures; f++) {
        const weight = parameters[numClasses + k * numFeatures + f]!;
        logit += batch.features_SBF[row * numFeatures + f]! * weight;
      }
      return logit;
    });
    const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    total += batch.rowWeights_SB[row]! * (logSum - logits[batch.labels_SB[row]!]!);
  }
  return total;
}

test('gradients are the finite differences of the loss, for every parameter and shard', async () => {
  const engine = await openHeadSession(options);
  const batch = randomBatch(sizes, 11);
  const parameters = randomFloats(numClasses * (numFeatures + 1), 0.5, 12);
  const { gradients_SP, losses_S } = await engine.gradients(batch, parameters);
  // Central differences in float64: error of order step^2 = 1e-8.
  const step = 1e-4;
  for (let shard = 0; shard < numShards; shard++) {
    const exact = Float64Array.from(parameters);
    expect(losses_S[shard]).toBeCloseTo(shardLoss(batch, shard, exact), 4);
    for (let p = 0; p < parameters.length; p++) {
      const lossAt = (shift: number): number =>
        shardLoss(batch, shard, exact.with(p, exact[p]! + shift));
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      expect(gradients_SP[shard * parameters.length + p]).toBeCloseTo(slope, 4);
    }
  }
  await engine.close();
});

test('rows of weight zero add nothing, and of equal logits the first counts as predicted', async () => {
  const engine = await openHeadSession(options);
  const batch = randomBatch(sizes, 13);
  // All parameters zero: every logit is 0, the prediction is class 0, the loss of a row is log 4.
  const zero = new Float32Array(numClasses * (numFeatures + 1));
  batch.labels_SB.set([0, 0, 1, 2, 0]);
  batch.rowWeights_SB.set([1, 0, 1, 0.5, 0.25]);
  batch.rowWeights_SB.fill(0, rowsPerShard, 2 * rowsPerShard);
  const result = await engine.gradients(batch, zero);
  expect(result.correct_S[0]).toBe(2);
  expect(result.losses_S[0]).toBeCloseTo(2.75 * Math.log(4), 5);
  expect(result.losses_S[1]).toBe(0);
  expect(result.correct_S[1]).toBe(0);
  const padding = result.gradients_SP.subarray(zero.length, 2 * zero.length);
  expect(padding.every((value) => value === 0)).toBe(true);
  await engine.close();
});

test('evaluation gives the sums of the gradient run', async () => {
  const engine = await openHeadSession(options);
  const batch = randomBatch(sizes, 14);
  const parameters = randomFloats(numClasses * (numFeatures + 1), 0.5, 15);
  const { losses_S, correct_S } = await engine.gradients(batch, parameters);
  expect(await engine.evaluate(batch, parameters)).toEqual({ losses_S, correct_S });
  await engine.close();
});

test('a batch of another shape is refused', async () => {
  const engine = await openHeadSession(options);
  const batch = randomBatch({ ...sizes, rowsPerShard: 2 }, 1);
  const parameters = new Float32Array(numClasses * (numFeatures + 1));
  await expect(engine.gradients(batch, parameters)).rejects.toThrow(
    'a batch of 3 x 2 rows does not fit an engine of 5 rows, 7 features and 4 classes',
  );
  await engine.close();
});

test('a closed thread rejects what waits for it and what comes after', async () => {
  const engine = await openThreadedHeadEngine(options);
  const batch = randomBatch(sizes, 1);
  const parameters = new Float32Array(numClasses * (numFeatures + 1));
  const waiting = engine.gradients(batch, parameters);
  const expected = {
    code: 'FT_ENGINE_FAILED',
    message: 'The thread that computes gradients has ended. The engine was closed.',
  };
  const [outcome] = await Promise.all([
    waiting.then(
      () => 'answered before it ended',
      (error: unknown) => error,
    ),
    engine.close(),
  ]);
  if (outcome !== 'answered before it ended') expect(outcome).toMatchObject(expected);
  await expect(engine.evaluate(batch, parameters)).rejects.toMatchObject(expected);
});

test('an error in the thread reaches the caller and the thread goes on', async () => {
  const engine = await openThreadedHeadEngine(options);
  const batch = randomBatch(sizes, 1);
  const parameters = new Float32Array(numClasses * (numFeatures + 1));
  await expect(engine.gradients(batch, parameters.subarray(1))).rejects.toMatchObject({
    code: 'FT_INTERNAL',
    message: expect.stringContaining('does not fit an engine of 5 rows') as string,
  });
  expect((await engine.gradients(batch, parameters)).losses_S.length).toBe(numShards);
  await engine.close();
});
