import { expect, test } from 'vitest';
import { finishTree } from '../../../src/collective/tree.js';
import { openHeadEngine } from '../../../src/engines/head-engine.js';
import type { ShardBatch } from '../../../src/engines/phase-engine.js';
import { openPhaseEngine } from '../../../src/engines/open-phase-engine.js';
import { headLayout } from '../../../src/models/head.js';
import { headOfSize } from './heads.js';
import { randomBatch, randomFloats, range, selectShards } from './phase-batches.js';

const sizes = { numShards: 3, rowsPerShard: 5, numFeatures: 7, numClasses: 4 };
const { numShards, rowsPerShard, numFeatures, numClasses } = sizes;
const head = headOfSize(numFeatures, numClasses);
const layout = headLayout(head);
const options = { head, layout, rowsPerShard, provider: 'cpu' } as const;
const tensorsOf = (parameters: Float32Array) => ({ parameters, statistics: new Float32Array(0) });
const alone = { firstShard: 0, numShards: 1, numShardsOfRun: 1 };

/** The loss of a batch of one shard in float64, written out: parameters are bias [K], then weight [K, F]. */
function lossOf(batch: ShardBatch, parameters: Float64Array): number {
  let total = 0;
  for (let row = 0; row < rowsPerShard; row++) {
    const logits = Array.from({ length: numClasses }, (_, k) => {
      let logit = parameters[k]!;
      for (let f = 0; f < numFeatures; f++) {
        const weight = parameters[numClasses + k * numFeatures + f]!;
        logit += batch.features_SBF[row * numFeatures + f]! * weight;
      }
      return logit;
    });
    const logSum = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
    for (let k = 0; k < numClasses; k++) {
      total += batch.targets_SBK[row * numClasses + k]! * (logSum - logits[k]!);
    }
  }
  return total;
}

test('gradients are the finite differences of the loss, for every parameter and shard', async () => {
  const engine = await openHeadEngine(options);
  const all = randomBatch(sizes, 11);
  const parameters = randomFloats(layout.length, 0.5, 12);
  const exact = Float64Array.from(parameters);
  // Central differences in float64: error of order step^2 = 1e-8.
  const step = 1e-4;
  for (let shard = 0; shard < numShards; shard++) {
    const batch = selectShards(all, [shard]);
    const [sum] = await engine.gradients([batch], alone, tensorsOf(parameters));
    expect(sum!.values[parameters.length]).toBeCloseTo(lossOf(batch, exact), 4);
    for (let p = 0; p < parameters.length; p++) {
      const lossAt = (shift: number): number => lossOf(batch, exact.with(p, exact[p]! + shift));
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      expect(sum!.values[p]).toBeCloseTo(slope, 4);
    }
  }
  await engine.close();
});

test('of equal logits the first counts as predicted, whatever the weight of a row', async () => {
  const engine = await openHeadEngine(options);
  const batch = selectShards(randomBatch(sizes, 13), [0]);
  batch.labels_SB.set([0, 0, 1, -1, 0]);
  const weights = [1, 0, 1, 0, 0.25];
  batch.targets_SBK.fill(0);
  for (const [row, weight] of weights.entries()) {
    if (weight > 0) batch.targets_SBK[row * numClasses + batch.labels_SB[row]!] = weight;
  }
  // All parameters zero: every logit is 0, the prediction is class 0, the loss of a row is log 4.
  const zero = tensorsOf(new Float32Array(layout.length));
  const { losses_S, correct_S } = await engine.evaluate(batch, zero);
  expect(correct_S[0]).toBe(3);
  expect(losses_S[0]).toBeCloseTo(2.25 * Math.log(4), 5);
  const [sum] = await engine.gradients([batch], alone, zero);
  expect(sum!.values.at(-4)).toBe(losses_S[0]);
  expect(sum!.values.at(-2)).toBe(3);
  await engine.close();
});

test('small and large batches give the same sums, inline or in a thread', async () => {
  const wide = { numShards: 16, rowsPerShard: 2, numFeatures: 1792, numClasses: 16 };
  const wideHead = headOfSize(wide.numFeatures, wide.numClasses);
  const wideLayout = headLayout(wideHead);
  const engine = await openPhaseEngine({
    ...{ kind: 'head', head: wideHead, layout: wideLayout, rowsPerShard: 2, provider: 'cpu' },
  });
  const tensors = tensorsOf(randomFloats(wideLayout.length, 0.1, 1));
  // 16 shards take 3.7 million operations, over the inline limit; 1 shard takes 0.2 million.
  const batch = randomBatch(wide, 2);
  const placeOf = (firstShard: number, owned: number) => ({
    firstShard,
    numShards: owned,
    numShardsOfRun: 16,
  });
  const [large] = await engine.gradients([batch], placeOf(0, 16), tensors);
  const partials = new Map<number, Float32Array>();
  for (const shard of range(0, 16)) {
    const one = selectShards(batch, [shard]);
    for (const { node, values } of await engine.gradients([one], placeOf(shard, 1), tensors)) {
      partials.set(node, values);
    }
  }
  expect(finishTree(16, partials)).toEqual(large!.values);
  await engine.close();
});
