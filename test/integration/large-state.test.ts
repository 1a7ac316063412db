import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/control/events.js';
import { launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

/** Nine buckets of 4 MiB, updated and hashed in a thread of their own; a state that is exchanged in ranges. */
const config = {
  model: { architecture: 'resnet18', weights: 'random' },
  phases: [
    {
      train: 'layer4',
      epochs: 1,
      optimizer: { type: 'adam', learningRate: 0.001 },
      clip: { norm: 1 },
      batchNorm: 'shard',
    },
  ],
  // Of 42 samples the last batch has 10: a shard has at least two, as images come down to one pixel.
  batch: { size: 16, shards: 4 },
};

describe('a run whose gradient is 34 MB', () => {
  let world: World;
  let one: RunResult;

  beforeAll(async () => {
    world = await makeWorld({ perClass: 20, config });
    one = await launched([...world.args, '--workers', '1'], world.env);
  });
  afterAll(() => world.remove());

  it.each([2, 3])('has the digest of one worker for %i workers', async (workers) => {
    const run = await launched([...world.args, '--workers', String(workers)], world.env);
    expect(run.digest).toBe(one.digest);
    expect(run).toMatchObject({ steps: 3, train: one.train, val: one.val });
  });
});
