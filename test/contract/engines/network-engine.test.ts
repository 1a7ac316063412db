import { expect, test } from 'vitest';
import { VectorPool } from '../../../src/collective/vector-pool.js';
import type { Partial } from '../../../src/collective/messages.js';
import { networkEngine, type NetworkParts } from '../../../src/engines/network/network-engine.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import { describeEngine } from './engine-contract.js';
import { randomBatch, randomFloats, withDropout } from './phase-batches.js';
import { smallGraph, smallLayers } from './small-graph.js';

const sizes = { rowsPerShard: 3, numFeatures: 9, numClasses: 4 };
const layout = parameterLayout([
  { name: 'fc.weight', shape: [4, 9] },
  { name: 'fc.bias', shape: [4] },
  { name: 'elsewhere.weight', shape: [3, 2] },
]);
const tensors = {
  parameters: randomFloats(layout.length, 0.5, 3),
  statistics: randomFloats(2 * 9 + 2 * 5, 0.5, 4),
};

function partsOf(maxShards: number, change: globalThis.Partial<NetworkParts> = {}): NetworkParts {
  return {
    graph: (pass, numShards) => smallGraph(sizes, pass, numShards),
    network: smallLayers,
    ...sizes,
    layout,
    statistics: [
      { layer: 'bn', channels: 9 },
      { layer: 'other', channels: 5 },
    ],
    trained: new Set(['fc.weight', 'fc.bias']),
    moving: new Set(['bn']),
    provider: 'cpu',
    maxShards: { gradient: maxShards, evaluation: maxShards },
    isGivenUp: () => false,
    pool: new VectorPool(),
    ...change,
  };
}

for (const maxShards of [1, 2, 4, 8]) {
  describeEngine(`layers, up to ${maxShards} shards in a run`, {
    open: () => Promise.resolve(networkEngine(partsOf(maxShards))),
    sizes,
    tensors,
    numGradients: 4 * 9 + 4,
    numStatistics: 2 * 9 + 1,
    dropsOut: true,
  });
}

test('the bits do not depend on how many shards are in a run', async () => {
  const batch = withDropout(randomBatch({ ...sizes, numShards: 13 }, 2), 1);
  const place = { firstShard: 1, numShards: 13, numShardsOfRun: 16 };
  const results: Partial[][] = [];
  for (const maxShards of [1, 2, 4, 8]) {
    const engine = networkEngine(partsOf(maxShards));
    results.push(await engine.gradients([batch], place, tensors));
    await engine.close();
  }
  for (const result of results.slice(1)) expect(result).toEqual(results[0]);
});

test('the statistics of the batch follow the gradients, with the number of shards that have any', async () => {
  const batch = withDropout(randomBatch({ ...sizes, numShards: 8 }, 2), 1);
  const engine = networkEngine(partsOf(8));
  const place = { firstShard: 0, numShards: 8, numShardsOfRun: 8 };
  const [sum] = await engine.gradients([batch], place, tensors);
  await engine.close();
  const tail = sum!.values.subarray(40);
  // The graph's mean is the sum over the rows that are no padding.
  for (let f = 0; f < 9; f += 1) {
    const column = batch.features_SBF.filter((_, i) => i % 9 === f);
    expect(tail[f]).toBeCloseTo(
      column.reduce((a, b) => a + b, 0),
      4,
    );
    expect(tail[9 + f]).toBeCloseTo(
      column.reduce((a, b) => a + b * b, 0),
      4,
    );
  }
  // Shard 2 is without rows.
  expect(tail[18]).toBe(7);
});

test('what nobody waits for any more ends after the run that it is in', async () => {
  let numAsked = 0;
  const engine = networkEngine(partsOf(1, { isGivenUp: () => ++numAsked > 2 }));
  const batch = randomBatch({ ...sizes, numShards: 8 }, 2);
  const place = { firstShard: 0, numShards: 8, numShardsOfRun: 8 };
  await expect(engine.gradients([batch], place, tensors)).rejects.toMatchObject({
    code: 'FT_ENGINE_FAILED',
    message: 'The computation of gradients was given up. Nobody waits for it any more.',
  });
  expect(numAsked).toBe(3);
  await engine.close();
});
