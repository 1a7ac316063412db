import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunResult } from '../../src/control/events.js';
import { journalOf, launched } from '../support/runs/ftctl.js';
import { launchedIntoEpochs, leftovers, processesOf, workerPid } from '../support/runs/running.js';
import { makeWorld, type World } from '../support/runs/world.js';

/** 20 steps an epoch; checkpoints of its own the run makes only at its end. */
const settings = [
  ...['--set', 'phases.0.epochs=80', '--set', 'checkpoint.everyEpochs=1000'],
  ...['--set', 'batch.size=2', '--set', 'batch.shards=2'],
];

describe('a worker that is killed in mid-epoch', () => {
  let world: World;
  let whole: RunResult;

  beforeAll(async () => {
    world = await makeWorld();
    whole = await launched([...world.args, '-w', '2', ...settings], world.env);
  });
  afterAll(() => world.remove());

  it.each([
    { workers: 2, rank: 1, signal: 'SIGKILL', delayMs: 50 },
    { workers: 2, rank: 0, signal: 'SIGKILL', delayMs: 190 },
  ] as const)(
    'rank $rank of $workers: the last round that any of the others applied is on disk, and gone on from',
    async ({ workers, rank, signal, delayMs }) => {
      const args = ['-w', String(workers), ...settings];
      const { finished, runDir, events } = await launchedIntoEpochs(world, args, delayMs);
      const killedAt = Date.now();
      process.kill(workerPid(events, rank), signal);
      const { code, stdout } = await finished;
      expect(Date.now() - killedAt).toBeLessThan(10_000);
      expect(code).toBe(4);
      expect(JSON.parse(stdout)).toMatchObject({
        status: 'failed',
        resumable: true,
        error: { code: 'FT_WORKER_LOST', rank },
      });
      expect(await processesOf(world.dir)).toEqual([]);
      expect(await leftovers(runDir)).toEqual([]);

      const journal = await journalOf(runDir);
      const rounds = journal.flatMap((r) => (r.type === 'rounds' ? r.entries : []));
      const lastEpochEnd = rounds.findLast(({ kind }) => kind === 'evaluate')!.round;
      const saved = journal.findLast((r) => r.type === 'checkpoint' && r.kind === 'checkpoint');
      const round = saved?.type === 'checkpoint' ? saved.state.round : 0;
      expect(round).toBe(rounds.at(-1)!.round);
      expect(round).toBeGreaterThanOrEqual(lastEpochEnd);
      const names = await readdir(join(runDir, 'checkpoints'));
      expect(names).toEqual([expect.stringContaining(`-round-${String(round).padStart(6, '0')}.`)]);

      const resumed = await launched(
        ['--runs-dir', world.runsDir, '--resume', runDir, '-w', '1'],
        world.env,
      );
      expect(resumed.digest).toBe(whole.digest);
      expect(resumed).toMatchObject({ steps: whole.steps, val: whole.val, best: whole.best });
      const again = (await journalOf(runDir)).slice(journal.length);
      const first = again.flatMap((r) => (r.type === 'rounds' ? r.entries : []))[0];
      expect(first?.round).toBe(round + 1);
    },
  );
});
