import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Journal } from '../../src/coordinator/journal.js';
import { openJournalFile } from '../../src/coordinator/journal-file.js';
import { findRunDifference } from '../../src/launch/verify/run-difference.js';
import type { Verification } from '../../src/launch/verify/verify.js';
import { readSnapshot } from '../../src/state/checkpoint-store.js';
import { encodeSnapshot } from '../../src/state/snapshot.js';
import type { TrainingState } from '../../src/state/training-state.js';
import { ftctl, journalOf, startFtctl } from '../support/runs/ftctl.js';
import { leftovers, processesOf, untilEvent } from '../support/runs/running.js';
import { makeWorld, type World } from '../support/runs/world.js';

describe('ftctl verify', () => {
  let world: World;
  let found: Verification;
  let stderr: string;

  beforeAll(async () => {
    world = await makeWorld();
    const ended = await ftctl(['verify', '--json', ...world.args, '--workers', '1,2,3'], world.env);
    if (ended.code !== 0) throw new Error(`verify ended with ${ended.code}\n${ended.stdout}`);
    found = JSON.parse(ended.stdout) as Verification;
    ({ stderr } = ended);
  });
  afterAll(() => world.remove());

  it('finds equal digests for 1, 2 and 3 workers, in runs that say which they are', async () => {
    expect(found).toMatchObject({ equal: true, difference: null });
    expect(found.runs.map(({ workers }) => workers)).toEqual([1, 2, 3]);
    expect(new Set(found.runs.map(({ digest }) => digest)).size).toBe(1);
    const short = found.runs[0]!.digest.slice(0, 12);
    expect(stderr).toMatch(
      new RegExp(
        `^1 worker: digest ${short}\\.\\.\\., [^\n]+ s\n2 workers: digest ${short}[^\n]+\n3 workers: digest ${short}[^\n]+\n$`,
      ),
    );
    const [name] = await readdir(world.runsDir);
    expect(found.dir).toBe(join(world.runsDir, name!));
    expect(name).toMatch(/^verify-test-\d{8}T\d{6}Z$/);
    expect((await readdir(found.dir)).sort().map((id) => id.replace(/-2\d{7}T.*/, ''))).toEqual([
      'test-1-worker',
      'test-2-workers',
      'test-3-workers',
    ]);
  });

  it('finds a difference that was planted in a copy of a run', async () => {
    const { runDir } = found.runs[1]!;
    expect(await findRunDifference(found.runs[0]!.runDir, runDir)).toEqual({
      round: null,
      state: null,
    });
    const copy = join(world.dir, 'planted', 'run');
    await cp(runDir, copy, { recursive: true });
    const checkpoints = (await readdir(join(copy, 'checkpoints'))).sort();
    const [earlier, later] = checkpoints.filter((file) => file !== 'final.ckpt');
    const flipped = ({ firstMoments }: TrainingState) => {
      firstMoments[5] = 7.5;
    };
    await changeState(join(copy, 'checkpoints', later!), flipped);
    await changeState(join(copy, 'checkpoints', 'final.ckpt'), flipped);
    const { round, state } = await findRunDifference(runDir, copy);
    expect(round).toBeNull();
    // The head's bias [3] comes before its weight [3, 512].
    expect(state).toMatchObject({
      ...{ file: `checkpoints/${later!}`, vector: 'firstMoments', name: 'fc.weight' },
      ...{ index: [0, 2], values: [expect.anything(), { text: '7.5', bits: '40f00000' }] },
    });

    await changeState(join(copy, 'checkpoints', earlier!), ({ history }) => {
      history[0] = { ...history[0]!, trainLoss: 9 };
    });
    const { ledger, ...place } = await changeLedger(copy, 4);
    expect(await findRunDifference(runDir, copy)).toMatchObject({
      round: { ...place, hashes: [ledger, 'f'.repeat(64)] },
      state: { file: `checkpoints/${earlier!}`, vector: null, name: 'history.0.trainLoss' },
    });
  });

  it("ends with a run's own error", async () => {
    // Each step makes the parameters a thousand times larger.
    const optimizer = '{ type: sgd, learningRate: 1000, weightDecay: 1 }';
    const longer = ['--set', 'phases.0.epochs=20', '--set', 'phases.0.schedule.gamma=1'];
    const args = ['--workers', '2,1', '--set', `phases.0.optimizer=${optimizer}`, ...longer];
    const ended = await ftctl(['verify', '--json', ...world.args, ...args], world.env);
    expect(ended.code).toBe(4);
    expect(JSON.parse(ended.stdout)).toMatchObject({ error: { code: 'FT_LOSS_NOT_FINITE' } });
    expect(ended.stderr).toBe('');
  });

  it('leaves no folder where the first run is refused', async () => {
    const before = await readdir(world.runsDir);
    const args = ['--workers', '1,2', '--set', 'data.source=nowhere'];
    const ended = await ftctl(['verify', ...world.args, ...args], world.env);
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    expect(ended.stderr).toMatch(/^error FT_DATA_NOT_FOUND: /);
    expect(await readdir(world.runsDir)).toEqual(before);
  });

  it('stops in order when it is interrupted', async () => {
    const known = await readdir(world.runsDir);
    const args = ['--workers', '2,1', '--set', 'phases.0.epochs=5000'];
    const { child, finished } = startFtctl(['verify', ...world.args, ...args], world.env);
    const dir = await newFolder(world.runsDir, known);
    const { runDir } = await untilEvent(dir, [], ({ type }) => type === 'epoch');
    child.kill('SIGINT');
    const ended = await finished;
    expect(ended).toMatchObject({ code: 130, stdout: '' });
    expect(ended.stderr).toBe(
      'Stopping the run at its next step; press Ctrl-C again to stop now.\n' +
        'error FT_COMMAND_INTERRUPTED: The run with 2 workers was stopped before its end. A digest of a part of a run says nothing.\n' +
        '  remedy: Start it again; what was downloaded is kept.\n' +
        `  run: ${runDir}\n`,
    );
    expect(await readdir(dir)).toHaveLength(1);
    expect(await leftovers(runDir)).toEqual([]);
    expect(await processesOf(world.dir)).toEqual([]);
  });
});

async function newFolder(parent: string, known: readonly string[]): Promise<string> {
  for (let tries = 0; tries < 600; tries++) {
    const name = (await readdir(parent)).find((each) => !known.includes(each));
    if (name !== undefined) return join(parent, name);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no new folder within half a minute');
}

async function changeState(path: string, change: (state: TrainingState) => void): Promise<void> {
  const { state } = await readSnapshot(path);
  const own = structuredClone(state);
  change(own);
  await writeFile(path, encodeSnapshot(own).bytes);
}

/** Writes the rounds of the journal anew, with another running hash from a round on; gives that round's entry as it was. */
async function changeLedger(runDir: string, fromRound: number) {
  const path = join(runDir, 'journal.jsonl');
  const records = await journalOf(runDir);
  const entries = records.flatMap((record) => (record.type === 'rounds' ? record.entries : []));
  await writeFile(path, '');
  const { journal } = await Journal.open(await openJournalFile(path), () => 0);
  for (const record of records) {
    if (record.type !== 'rounds') continue;
    await journal.append({
      type: 'rounds',
      entries: record.entries.map((entry) =>
        entry.round < fromRound ? entry : { ...entry, ledger: 'f'.repeat(64) },
      ),
    });
  }
  await journal.close();
  const { round, kind, phase, epoch, step, split, ledger } = entries.find(
    (entry) => entry.round === fromRound,
  )!;
  return { round, kind, phase, epoch, step, split, ledger };
}
