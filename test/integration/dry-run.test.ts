import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DryRunReport } from '../../src/launch/dry-run.js';
import { ftctl, launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

const config = {
  model: { architecture: 'mobilenet_v2', width: 0.25, weights: 'random' },
  phases: [
    { train: 'head', epochs: 2 },
    { train: 'all', epochs: 1, from: 'best', accumulate: 2 },
  ],
  batch: { size: 16, shards: 4 },
};

describe('a dry run', () => {
  let world: World;
  let scratch: string;

  beforeAll(async () => {
    world = await makeWorld({ perClass: 20, config });
    scratch = await mkdtemp(join(tmpdir(), 'ftctl-dry-test-'));
  });
  afterAll(async () => {
    await world.remove();
    await rm(scratch, { recursive: true });
  });

  async function dryRun(): Promise<DryRunReport> {
    const { stdout, stderr, code } = await ftctl(
      ['launch', '--json', ...world.args, '--workers', '2', '--dry-run'],
      { ...world.env, TMPDIR: scratch },
    );
    expect([code, stderr.includes('rror')]).toEqual([0, false]);
    return JSON.parse(stdout) as DryRunReport;
  }

  it('makes the features again whatever the cache has, tells what it has, and leaves nothing', async () => {
    const first = await dryRun();
    const second = await dryRun();
    for (const { phases, workerBytes } of [first, second]) {
      expect(phases.map(({ cache }) => cache?.numThere)).toEqual([0, undefined]);
      for (const { times } of phases) {
        expect(times.numRows).toBe(8);
        expect(times.featureSeconds).toBeGreaterThan(0);
        expect(times.gradientSeconds).toBeGreaterThan(0);
        expect(times.exchangeSeconds).toBeGreaterThan(0);
        expect(times.updateSeconds).toBeGreaterThan(0);
      }
      expect(phases[0]!.epochSeconds).toBeGreaterThan(phases[0]!.cachedEpochSeconds!);
      expect(phases[1]!.cachedEpochSeconds).toBeNull();
      expect(workerBytes).toBeGreaterThan(100e6);
    }
    // onnxruntime has files of its own there.
    expect((await readdir(scratch)).filter((name) => name.startsWith('ftctl'))).toEqual([]);

    await launched([...world.args, '--workers', '1'], world.env);
    const { samples, phases } = await dryRun();
    // Both views of the images for training.
    expect(phases[0]!.cache!.numThere).toBe(2 * samples.train + samples.val);
    expect(phases[0]!.cache!.numRows).toBe(2 * samples.train + samples.val);
  });
});
