import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { fingerprint, numericProbe } from '../../../src/engines/fingerprint.js';
import { openPhaseEngine } from '../../../src/engines/open-phase-engine.js';
import { headLayout } from '../../../src/models/head.js';
import { headOfSize } from './heads.js';

test('a provider that is not there is an error that says how to get it', async () => {
  // No CI machine of ours has the CUDA libraries in the npm package, which fetches them at install time only.
  const head = headOfSize(8, 2);
  const options = { head, layout: headLayout(head), rowsPerShard: 2, provider: 'cuda' } as const;
  const error = await openPhaseEngine({ kind: 'head', ...options }).then(
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
