import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { runLaunch, type LaunchOptions } from '../../../src/launch/run-launch.js';
import type { SupervisionLimits } from '../../../src/launch/supervision-limits.js';
import { RunFolder } from '../../../src/state/run-folder.js';
import { fakeConfig, fakePorts, isAlive, pidsOf, type FakePlan } from './fake-launch.js';

export interface Ended {
  readonly result?: unknown;
  readonly error?: FtctlError;
  readonly run: RunFolder;
  readonly seconds: number;
}

/** A folder for runs, a new one for each test of a file, and {@link launchFakes} in it. */
export function useRunsDir() {
  let path = '';
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'supervision-'));
  });
  afterEach(() => rm(path, { recursive: true, force: true }));
  return {
    get path(): string {
      return path;
    },
    launchFakes: (
      plan: FakePlan,
      options: Partial<LaunchOptions> = {},
      limits: Partial<SupervisionLimits> = {},
    ): Promise<Ended> => launchFakes(path, plan, options, limits),
  };
}

/** Launches the fakes, waits for the end, and checks what must hold after any end. */
async function launchFakes(
  runsDir: string,
  plan: FakePlan,
  options: Partial<LaunchOptions>,
  limits: Partial<SupervisionLimits>,
): Promise<Ended> {
  const start = performance.now();
  const config = fakeConfig(plan.numWorkers ?? 2);
  const outcome = await runLaunch(config, { runsDir, ...options }, fakePorts(plan, limits)).then(
    (result) => ({ result }),
    (error: unknown) => {
      if (error instanceof FtctlError) return { error };
      throw error;
    },
  );
  const seconds = (performance.now() - start) / 1000;
  if ('error' in outcome && outcome.error.details?.['runDir'] === null) {
    expect(await readdir(runsDir)).toEqual([]);
    return {
      ...{ ...outcome, seconds },
      get run(): RunFolder {
        throw new Error('the run was refused and left no folder');
      },
    };
  }
  const run = await RunFolder.open(runsDir, 'fake');
  expect(pidsOf(run.dir).filter(isAlive)).toEqual([]);
  const names = await readdir(run.dir, { recursive: true });
  expect(names.filter((name) => /\.tmp$|^lock|coordinator\.json/.test(name))).toEqual([]);
  return { ...outcome, run, seconds };
}

export function said(error: FtctlError | undefined) {
  if (error === undefined) throw new Error('the launch did not fail');
  const { code, message, remedy, rank, phase } = error;
  return { code, message, remedy, rank, phase };
}
