import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/control/events.js';
import { nodeFlags } from '../../src/launch/node-flags.js';
import { eventsOf, launched, startFtctl } from '../support/runs/ftctl.js';
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
    { slot: 1, delayMs: 37 },
    { slot: 0, delayMs: 211 },
  ])(
    'worker $slot: the others go on, another one takes its place, and the bits are the same',
    async (row) => {
      const { finished, runDir, events } = await launchedIntoEpochs(
        world,
        ['-w', '3', ...epochs],
        row.delayMs,
      );
      const pid = workerPid(events, row.slot);
      expect(await commandLineOf(pid)).toEqual(expect.arrayContaining([...nodeFlags]));
      process.kill(pid, 'SIGKILL');
      const { code, stdout } = await finished;
      expect(code).toBe(0);
      const result = JSON.parse(stdout) as RunResult;
      expect(result.digest).toBe(whole.digest);
      expect(result).toMatchObject({ steps: whole.steps, val: whole.val, best: whole.best });
      expect(await processesOf(world.dir)).toEqual([]);
      expect(await leftovers(runDir)).toEqual([]);

      const all = await eventsOf(runDir);
      const joined = all.flatMap((e) => (e.type === 'worker-joined' ? [e] : []));
      const slots = joined.map(({ slot }) => slot).sort((a, b) => a - b);
      // The survivors are the same processes all along.
      expect(slots).toEqual([0, 1, 2, row.slot].sort((a, b) => a - b));
      const sizes = all.flatMap((e) => (e.type === 'generation' ? [e.members.length] : []));
      expect(sizes).toEqual([3, 2, 3]);
      expect(all.flatMap((e) => (e.type === 'worker-lost' ? [e.slot] : []))).toEqual([row.slot]);
    },
  );

  it('all workers at once: others go on from the newest checkpoint, and the bits are the same', async () => {
    const { finished, runDir, events } = await launchedIntoEpochs(
      world,
      ['-w', '2', ...epochs],
      150,
    );
    for (const slot of [0, 1]) process.kill(workerPid(events, slot), 'SIGKILL');
    const { code, stdout } = await finished;
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as RunResult).digest).toBe(whole.digest);
    const all = await eventsOf(runDir);
    expect(all.filter(({ type }) => type === 'worker-joined')).toHaveLength(4);
    expect(await processesOf(world.dir)).toEqual([]);
  });

  it('a worker that is stopped: it is given up after the tolerance, killed, and replaced', async () => {
    const args = ['-w', '2', ...epochs, '--set', 'tolerance=1 s'];
    const { finished, runDir, events } = await launchedIntoEpochs(world, args, 80);
    process.kill(workerPid(events, 1), 'SIGSTOP');
    const { code, stdout } = await finished;
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as RunResult).digest).toBe(whole.digest);
    const lost = (await eventsOf(runDir)).flatMap((e) => (e.type === 'worker-lost' ? [e] : []));
    expect(lost).toMatchObject([
      { slot: 1, cause: expect.stringContaining('it said nothing for') as string },
    ]);
    expect(await processesOf(world.dir)).toEqual([]);
  });

  it('the coordinator: the run says so, leaves nothing, and is resumed to the same bits', async () => {
    const { finished, runDir } = await launchedIntoEpochs(world, ['-w', '2', ...epochs], 403);
    process.kill(await coordinatorPid(runDir), 'SIGKILL');
    const { code, stdout } = await finished;
    const failed = JSON.parse(stdout) as { status: string; error: Record<string, unknown> };
    expect(failed).toMatchObject({ status: 'failed', runDir, resumable: true });
    expect(failed.error).toMatchObject({ code: 'FT_COORDINATOR_LOST', rank: null });
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
