import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { fingerprint, numericProbe } from '../../../src/engines/fingerprint.js';
import { openGradientEngine } from '../../../src/engines/onnx-gradient-engine.js';
import { headOfSize, randomBatch, randomFloats } from './head-batches.js';

test('a provider that is not there is an error that says how to get it', async () => {
  // No CI machine of ours has the CUDA libraries in the npm package, which fetches them at install time only.
  const options = { head: headOfSize(8, 2), rowsPerShard: 2, provider: 'cuda' } as const;
  const error = await openGradientEngine(options).then(
    async (engine) => engine.close(),
    (reason: unknown) => reason,
  );
  if (error === undefined) return; // The machine has CUDA.
  expect(error).toMatchObject({
    code: 'FT_ENGINE_UNAVAILABLE',
    message: expect.stringMatching(
      /^The engine's provider cuda is not available on this machine\. onnxruntime says: /,
    ) as string,
    remedy: expect.stringContaining('engine.provider: cpu') as string,
    exitCode: 5,
  });
});

test('the fingerprint names what bits depend on, and is the same each time', async () => {
  const { canonical, hash } = await fingerprint({ provider: 'cpu' });
  expect(await fingerprint({ provider: 'cpu' })).toEqual({ canonical, hash });
  expect((await fingerprint({ provider: 'cuda' })).hash).not.toBe(hash);
  expect(hash).toBe(createHash('sha256').update(canonical).digest('hex'));
  expect(JSON.parse(canonical)).toMatchObject({
    engine: 'onnxruntime',
    engineVersion: '1.30.0',
    provider: 'cpu',
    graphOptimization: 'all',
    decoder: { sharp: '0.35.5', sharpLibvips: expect.stringMatching(/^\d/) as string },
    node: process.versions.node,
    arch: process.arch,
  });
});

test('the numeric probe gives the same hash each time', async () => {
  const first = await numericProbe();
  expect(first).toMatch(/^[0-9a-f]{64}$/);
  expect(await numericProbe()).toBe(first);
});

test('small and large batches give the same sums, inline or in a thread', async () => {
  const [numFeatures, numClasses, rowsPerShard] = [1792, 16, 2];
  const head = headOfSize(numFeatures, numClasses);
  const engine = await openGradientEngine({ head, rowsPerShard, provider: 'cpu' });
  const parameters = randomFloats(numClasses * (numFeatures + 1), 0.1, 1);
  // 16 shards take 3.7 million operations, over the inline limit; 1 shard takes 0.2 million.
  const sizes = { numShards: 16, rowsPerShard, numFeatures, numClasses };
  const batch = randomBatch(sizes, 2);
  const large = await engine.gradients(batch, parameters);
  const small = await engine.gradients(
    {
      numShards: 1,
      rowsPerShard,
      features_SBF: batch.features_SBF.subarray(0, rowsPerShard * numFeatures),
      labels_SB: batch.labels_SB.subarray(0, rowsPerShard),
      rowWeights_SB: batch.rowWeights_SB.subarray(0, rowsPerShard),
    },
    parameters,
  );
  expect(small.losses_S[0]).toBe(large.losses_S[0]);
  expect(small.gradients_SP).toEqual(large.gradients_SP.subarray(0, small.gradients_SP.length));
  await engine.close();
});

test('no shards give empty results', async () => {
  const engine = await openGradientEngine({
    head: headOfSize(8, 2),
    rowsPerShard: 3,
    provider: 'cpu',
  });
  const empty = {
    numShards: 0,
    rowsPerShard: 3,
    features_SBF: new Float32Array(0),
    labels_SB: new Int32Array(0),
    rowWeights_SB: new Float32Array(0),
  };
  const result = await engine.gradients(empty, new Float32Array(18));
  expect([result.gradients_SP.length, result.losses_S.length, result.correct_S.length]).toEqual([
    0, 0, 0,
  ]);
  await engine.close();
});
