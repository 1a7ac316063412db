import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/control/events.js';
import { nodeFlags } from '../../src/launch/node-flags.js';
import { launched, startFtctl } from '../support/runs/ftctl.js';
import {
  commandLineOf,
  coordinatorPid,
  launchedIntoEpochs,
  leftovers,
  processesOf,
  untilEvent,
  workerPid,
} from '../support/runs/running.js';
import { makeWorld, type World } from '../support/runs/world.js';

const epochs = ['--set', 'phases.0.epochs=300'];

describe('a process that is killed in the middle of a run', () => {
  let world: World;
  let whole: RunResult;

  beforeAll(async () => {
    world = await makeWorld();
    whole = await launched([...world.args, '-w', '2', ...epochs], world.env);
  });
  afterAll(() => world.remove());

  it.each([
    { victim: 'worker 1', code: 'FT_WORKER_LOST', rank: 1, delayMs: 37 },
    { victim: 'worker 0', code: 'FT_WORKER_LOST', rank: 0, delayMs: 211 },
    { victim: 'the coordinator', code: 'FT_COORDINATOR_LOST', rank: null, delayMs: 403 },
  ])('$victim: the run says so, leaves nothing, and is resumed to the same bits', async (row) => {
    const args = ['-w', '2', ...epochs];
    const { finished, runDir, events } = await launchedIntoEpochs(world, args, row.delayMs);
    const pid = row.rank === null ? await coordinatorPid(runDir) : workerPid(events, row.rank);
    expect(await commandLineOf(pid)).toEqual(expect.arrayContaining([...nodeFlags]));
    process.kill(pid, 'SIGKILL');
    const { code, stdout } = await finished;
    const failed = JSON.parse(stdout) as { status: string; error: Record<string, unknown> };
    expect(failed).toMatchObject({ status: 'failed', runDir, resumable: true });
    expect(failed.error).toMatchObject({ code: row.code });
    expect(failed.error['rank']).toBe(row.rank);
    expect(failed.error['message']).toMatch(/SIGKILL/);
    expect(failed.error['phase']).toEqual(expect.any(String));
    expect(code).toBe(4);
    expect(await processesOf(world.dir)).toEqual([]);
    expect(await leftovers(runDir)).toEqual([]);

    const resumed = await launched(
      ['--runs-dir', world.runsDir, '--resume', runDir, '-w', '3'],
      world.env,
    );
    expect(resumed.digest).toBe(whole.digest);
    expect(resumed).toMatchObject({ steps: whole.steps, val: whole.val, best: whole.best });
  });

  it('the launcher: its processes end by themselves, and the run is resumed to the same bits', async () => {
    const known = await readdir(world.runsDir);
    const { child, finished } = startFtctl(
      ['launch', '--json', ...world.args, '-w', '2', ...epochs],
      world.env,
    );
    const { runDir } = await untilEvent(world.runsDir, known, (event) => event.type === 'epoch');
    child.kill('SIGKILL');
    await finished;
    for (let tries = 0; tries < 100 && (await processesOf(world.dir)).length > 0; tries++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(await processesOf(world.dir)).toEqual([]);
    const resumed = await launched(['--runs-dir', world.runsDir, '--resume', runDir], world.env);
    expect(resumed.digest).toBe(whole.digest);
  });
});
