import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { VectorPool } from '../../../src/collective/vector-pool.js';
import type { PhaseEngineOptions } from '../../../src/engines/engine-options.js';
import { openPhaseEngine } from '../../../src/engines/open-phase-engine.js';
import { openEngineHere } from '../../../src/engines/open-engine-here.js';
import { numElements } from '../../../src/models/tensor-specs.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import { initialParameters, initialStatistics } from '../../../src/models/run-tensors.js';
import { readRunWeights } from '../../../src/models/weights/run-weights.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { describeEngine } from './engine-contract.js';
import { randomBatch, withDropout } from './phase-batches.js';

/** A network with depthwise convolutions, batch norm, additions and dropout, prepared as a run's coordinator does. */

const cacheDir = mkdtempSync(join(tmpdir(), 'ftctl-network-'));
afterAll(() => {
  rmSync(cacheDir, { recursive: true, force: true });
});

type NetworkOptions = Extract<PhaseEngineOptions, { readonly kind: 'network' }>;

const [numClasses, rowsPerShard] = [3, 3];
const prepared = await prepareModel(
  { architecture: 'mobilenet_v2', width: 0.1, weights: 'random', integrity: null },
  {
    ...{ numClasses, imageSize: 32, background: [0, 0, 0], normalise: null, seed: 1, cacheDir },
    phases: [
      { train: ['features.16'], except: [], batchNorm: 'shard' },
      { train: ['all'], except: ['features.0'], batchNorm: 'frozen' },
    ],
  },
);
const { tensors: weights } = (await readRunWeights(prepared, new BlobStore(cacheDir)))!;
const tensors = {
  parameters: initialParameters(prepared, weights, 1),
  statistics: initialStatistics(prepared, weights),
};
const optionsOf = (phase: number): NetworkOptions => ({
  kind: 'network',
  ...{ prepared, phase, cacheDir, rowsPerShard, provider: 'cpu' },
  batchNorm: phase === 0 ? 'shard' : 'frozen',
});

for (const [phase, { trained, statistics, numFeatures }] of prepared.phases.entries()) {
  const lengths = prepared.parameters
    .filter(({ name }) => trained.includes(name))
    .map(({ shape }) => numElements(shape));
  const channels = prepared.statistics
    .filter(({ layer }) => statistics.includes(layer))
    .map((moved) => moved.channels);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  describeEngine(`phase ${phase} of a network, in a worker thread`, {
    open: () => openPhaseEngine(optionsOf(phase)),
    sizes: { rowsPerShard, numFeatures, numClasses },
    tensors,
    numGradients: sum(lengths),
    numStatistics: channels.length === 0 ? 0 : 2 * sum(channels) + 1,
    dropsOut: true,
  });
}

test('the calling thread computes the same bits', async () => {
  const { numFeatures } = prepared.phases[0]!;
  const sizes = { numShards: 5, rowsPerShard, numFeatures, numClasses };
  const batch = withDropout(randomBatch(sizes, 4), 2);
  const place = { firstShard: 0, numShards: 5, numShardsOfRun: 5 };
  const results: unknown[] = [];
  for (const open of [openPhaseEngine, openEngineHere]) {
    const engine = await open(optionsOf(0));
    results.push([
      await engine.gradients([batch], place, tensors),
      await engine.evaluate(batch, tensors),
    ]);
    await engine.close();
  }
  expect(results[1]).toEqual(results[0]);
});

test('the arrays of results that nobody needs are written to again, with the same bits', async () => {
  const { numFeatures } = prepared.phases[1]!;
  const sizes = { numShards: 3, rowsPerShard, numFeatures, numClasses };
  const batch = randomBatch(sizes, 4);
  // Of four shards these are two subtrees.
  const place = { firstShard: 0, numShards: 3, numShardsOfRun: 4 };
  const pool = new VectorPool();
  const engine = await openPhaseEngine(optionsOf(1), pool);
  const first = await engine.gradients([batch], place, tensors);
  const kept = structuredClone(first);
  expect(kept).toHaveLength(2);
  const { length } = kept[0]!.values;
  for (const { values } of first) pool.give(values.fill(NaN));
  expect(await engine.gradients([batch], place, tensors)).toEqual(kept);
  expect(pool.takeSpare(length)).toBeUndefined();
  expect(first[0]!.values).toHaveLength(0); // it has been moved to the thread
  await engine.close();
});

test('closed while it computes, it rejects what waits and ends', async () => {
  const { numFeatures } = prepared.phases[1]!;
  const sizes = { numShards: 64, rowsPerShard, numFeatures, numClasses };
  const batch = randomBatch(sizes, 4);
  const place = { firstShard: 0, numShards: 64, numShardsOfRun: 64 };
  const engine = await openPhaseEngine(optionsOf(1));
  const waiting = engine.gradients([batch], place, tensors).then(
    () => 'answered before it ended',
    (error: unknown) => error,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  await engine.close();
  expect(await waiting).toMatchObject({
    code: 'FT_ENGINE_FAILED',
    message: 'The thread that computes gradients has ended. The engine was closed.',
  });
});

test('what was given up ends early, and the next call is answered', async () => {
  const { numFeatures } = prepared.phases[1]!;
  const sizes = { numShards: 64, rowsPerShard, numFeatures, numClasses };
  const batch = randomBatch(sizes, 4);
  const place = { firstShard: 0, numShards: 64, numShardsOfRun: 64 };
  const engine = await openPhaseEngine(optionsOf(1));
  const givenUp = engine.gradients([batch], place, tensors).then(
    () => 'answered',
    (error: unknown) => error,
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  const one = { firstShard: 0, numShards: 0, numShardsOfRun: 64 };
  const none = { ...batch, ...randomBatch({ ...sizes, numShards: 0 }, 1) };
  expect(await engine.gradients([none], one, tensors)).toEqual([]);
  expect(await givenUp).toMatchObject({
    code: 'FT_ENGINE_FAILED',
    message: 'The computation of gradients was given up. Nobody waits for it any more.',
  });
  await engine.close();
});

test('weights that are damaged or gone are an error that names the blob', async () => {
  const elsewhere = mkdtempSync(join(tmpdir(), 'ftctl-network-'));
  try {
    await expect(openPhaseEngine({ ...optionsOf(0), cacheDir: elsewhere })).rejects.toMatchObject({
      code: 'FT_BLOB_MISSING',
    });
    const blobs = new BlobStore(elsewhere);
    const damaged = await blobs.put(Buffer.from('these are no weights'));
    const broken = { ...prepared, weightsSha256: damaged };
    await expect(
      openPhaseEngine({ ...optionsOf(0), prepared: broken, cacheDir: elsewhere }),
    ).rejects.toMatchObject({ code: 'FT_WEIGHTS_DAMAGED' });
  } finally {
    await rm(elsewhere, { recursive: true });
  }
});
