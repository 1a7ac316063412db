import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../../../src/control/events.js';
import { FtctlError } from '../../../../src/errors/index.js';
import type { RunDifference } from '../../../../src/launch/verify/run-difference.js';
import { verify, type VerifyPorts } from '../../../../src/launch/verify/verify.js';
import { fakeConfig } from '../../../support/launch/fake-launch.js';

const noDifference: RunDifference = { round: null, state: null };

/** A launch whose digest is that of `digests` for the number of workers. */
function ports(
  digests: Readonly<Record<number, string>>,
  over: Partial<RunResult> = {},
): VerifyPorts & { readonly log: string[] } {
  const log: string[] = [];
  return {
    log,
    launch: ({ spec }, { runsDir }) => {
      const workers = spec.workers.count;
      log.push(`launch ${workers} in ${runsDir}`);
      return Promise.resolve({
        ...{ runId: `run-${workers}`, runDir: `${runsDir}/run-${workers}`, status: 'finished' },
        ...{ workers, digest: digests[workers]!, steps: 8, epochs: 2, wallSeconds: workers },
        ...over,
      } as RunResult);
    },
    findDifference: (first, second) => {
      log.push(`compare ${first} ${second}`);
      return Promise.resolve(noDifference);
    },
  };
}

const runs = (...workers: number[]) =>
  workers.map((count) => ({ workers: count, config: fakeConfig(count) }));

describe('a verification', () => {
  it('runs with each number of workers in turn and finds equal digests', async () => {
    const fakes = ports({ 1: 'a', 2: 'a', 4: 'a' });
    const told: number[] = [];
    const onRun = ({ workers }: { workers: number }) => told.push(workers);
    const found = await verify(runs(1, 2, 4), { dir: 'v', onRun }, fakes);
    expect(found).toMatchObject({ equal: true, dir: 'v', difference: null });
    expect(found.runs.map(({ runDir }) => runDir)).toEqual(['v/run-1', 'v/run-2', 'v/run-4']);
    expect(told).toEqual([1, 2, 4]);
    expect(fakes.log).toEqual(['launch 1 in v', 'launch 2 in v', 'launch 4 in v']);
  });

  it('compares the first run with the first one that differs from it, after all have ended', async () => {
    const fakes = ports({ 3: 'a', 1: 'a', 2: 'b', 4: 'c' });
    const found = await verify(runs(3, 1, 2, 4), { dir: 'v' }, fakes);
    expect(found).toMatchObject({
      equal: false,
      difference: { workers: [3, 2], ...noDifference },
    });
    expect(fakes.log.at(-1)).toBe('compare v/run-3 v/run-2');
    expect(found.runs).toHaveLength(4);
  });

  it("ends with a run's own error, and starts no other", async () => {
    const fakes = ports({ 1: 'a', 2: 'a' });
    const failed = new FtctlError('FT_LOSS_NOT_FINITE', {
      what: 'No.',
      details: { runDir: 'v/x' },
    });
    const launches = fakes.launch;
    const launch: VerifyPorts['launch'] = (config, options) =>
      config.spec.workers.count === 2 ? Promise.reject(failed) : launches(config, options);
    await expect(verify(runs(1, 2, 3), { dir: 'v' }, { ...fakes, launch })).rejects.toBe(failed);
    expect(fakes.log).toEqual(['launch 1 in v']);
  });

  it('is interrupted where a run is stopped, with or without an end of its own', async () => {
    const refusal = {
      code: 'FT_COMMAND_INTERRUPTED',
      message:
        'The run with 1 worker was stopped before its end. A digest of a part of a run says nothing.',
    };
    const stopped = ports({ 1: 'a' }, { status: 'stopped' });
    await expect(verify(runs(1, 2), { dir: 'v' }, stopped)).rejects.toMatchObject({
      ...refusal,
      details: { runDir: 'v/run-1' },
    });
    const killed: VerifyPorts = {
      ...stopped,
      launch: () =>
        Promise.reject(
          new FtctlError('FT_INTERRUPTED', { what: 'Stopped.', details: { runDir: null } }),
        ),
    };
    await expect(verify(runs(1, 2), { dir: 'v' }, killed)).rejects.toMatchObject(refusal);
    expect(stopped.log).toEqual(['launch 1 in v']);
  });
});
