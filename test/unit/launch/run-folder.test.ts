import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunEvent, RunResult } from '../../../src/control/events.js';
import { FtctlError } from '../../../src/errors/index.js';
import { RunFolder } from '../../../src/state/run-folder.js';
import { thisProcess } from '../../../src/util/process-lock.js';
import { deadPid, writeLock } from './locks.js';

const at = new Date('2025-03-04T05:06:07.890Z');
let runsDir: string;

beforeEach(async () => {
  runsDir = await mkdtemp(join(tmpdir(), 'run-folder-'));
});
afterEach(async () => {
  await rm(runsDir, { recursive: true, force: true });
});

function make(name = 'quickstart', suffix = 'abcd', now = at): Promise<RunFolder> {
  return RunFolder.create(runsDir, name, 'seed: 7\n', now, () => suffix);
}

async function failure(work: Promise<unknown>): Promise<FtctlError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: unknown) => {
      if (error instanceof FtctlError) return error;
      throw error;
    },
  );
}

function result(run: RunFolder, over: Partial<RunResult> = {}): RunResult {
  return {
    runId: run.id,
    status: 'finished',
    workers: 4,
    epochs: 25,
    steps: 575,
    samples: 36_400,
    train: { loss: 0.3, accuracy: 0.9 },
    val: { loss: 0.8, accuracy: 0.75 },
    best: { epoch: 19, metric: 'accuracy', value: 0.76 },
    digest: 'd'.repeat(64),
    wallSeconds: 61,
    imagesPerSecond: 597,
    recoveries: [],
    runDir: run.dir,
    ...over,
  };
}

function epoch(number: number, accuracy: number, isBest: boolean): RunEvent {
  return {
    at: 1_741_064_767_000 + number,
    type: 'epoch',
    phase: 0,
    epoch: number,
    epochs: 25,
    train: { loss: 1, accuracy: 0.5 },
    val: { loss: 2 - accuracy, accuracy },
    learningRate: 0.003,
    isBest,
    seconds: 1,
    imagesPerSecond: 400,
    rowsComputed: 0,
    rowsCached: 10,
  };
}

const lines = (events: readonly object[]) => events.map((e) => `${JSON.stringify(e)}\n`).join('');

describe('making a run folder', () => {
  it('names it by the run, the UTC time and a suffix, with all its parts', async () => {
    const run = await make();
    expect(run.id).toBe('quickstart-20250304T050607Z-abcd');
    expect(run.dir).toBe(join(runsDir, run.id));
    expect((await readdir(run.dir)).sort()).toEqual([
      'best',
      'checkpoints',
      'config.yaml',
      'logs',
      'model',
    ]);
    expect(await readFile(run.configPath, 'utf8')).toBe('seed: 7\n');
    expect(await readdir(runsDir)).toEqual([run.id]);
  });

  it('draws another suffix where a run of that id exists', async () => {
    await make();
    const suffixes = ['abcd', 'abcd', 'efgh'];
    const run = await RunFolder.create(runsDir, 'quickstart', 'x: 1\n', at, () =>
      suffixes.shift()!,
    );
    expect(run.id).toBe('quickstart-20250304T050607Z-efgh');
    expect(
      await readFile(join(runsDir, 'quickstart-20250304T050607Z-abcd/config.yaml'), 'utf8'),
    ).toBe('seed: 7\n');
    expect((await readdir(runsDir)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('gives many launches of one second ids of their own', async () => {
    const runs = await Promise.all(
      Array.from({ length: 20 }, () => RunFolder.create(runsDir, 'a', 'x: 1\n', at)),
    );
    expect(new Set(runs.map(({ id }) => id)).size).toBe(20);
  });

  it('removes what a dead launch left half made, and nothing that a living one makes', async () => {
    const [dead, living] = ['.new-run-dead', '.new-run-living'];
    for (const name of [dead, living]) await mkdir(join(runsDir, name, 'run'), { recursive: true });
    await writeLock(join(runsDir, dead), { ...thisProcess(), pid: await deadPid() });
    await writeLock(join(runsDir, living), thisProcess());
    const run = await make();
    expect((await readdir(runsDir)).sort()).toEqual([living, run.id]);
  });

  it('says which path it cannot make, and why', async () => {
    const file = join(runsDir, 'file');
    await writeFile(file, '');
    const error = await failure(RunFolder.create(join(file, 'runs'), 'a', '', at));
    expect(error.code).toBe('FT_NOT_WRITABLE');
    expect(error.message).toBe(
      `Cannot write ${file}: a file lies where its folder should be (EEXIST).`,
    );
  });

  it('refuses a name that would leave the folder', async () => {
    const error = await failure(RunFolder.create(runsDir, '../evil', '', at));
    expect(error.code).toBe('FT_NOT_WRITABLE');
    expect(error.message).toMatch(/^A run cannot be named "\.\.\/evil"\./);
    expect(await readdir(runsDir)).toEqual([]);
  });
});

describe('finding a run', () => {
  it('takes the id, the start of one, or a path', async () => {
    const run = await make();
    await make('other');
    for (const name of [run.id, 'quick', run.dir, `${run.dir}/`]) {
      expect((await RunFolder.open(runsDir, name)).dir).toBe(run.dir);
    }
  });

  it('takes an id that is also the start of another', async () => {
    const short = await make('a', 'abc');
    await make('a', 'abcd');
    expect((await RunFolder.open(runsDir, short.id)).id).toBe(short.id);
  });

  it('names the runs that a start may mean', async () => {
    await make('a', 'aaaa');
    await make('a', 'bbbb');
    const error = await failure(RunFolder.open(runsDir, 'a-2025'));
    expect(error.code).toBe('FT_RUN_NOT_FOUND');
    expect(error.message).toBe(
      '"a-2025" is the start of 2 run ids: a-20250304T050607Z-aaaa, a-20250304T050607Z-bbbb.',
    );
  });

  it('names the nearest ids for one that does not exist', async () => {
    await make('quickstart');
    await make('flowers');
    const error = await failure(RunFolder.open(runsDir, 'quikcstart'));
    expect(error.code).toBe('FT_RUN_NOT_FOUND');
    expect(error.message).toBe(
      `There is no run "quikcstart" in ${runsDir}. The nearest of its 2 ids: ` +
        'quickstart-20250304T050607Z-abcd, flowers-20250304T050607Z-abcd.',
    );
    expect(error.exitCode).toBe(2);
  });

  it('says when there are no runs at all, also for the empty id', async () => {
    for (const id of ['x', '']) {
      const error = await failure(RunFolder.open(join(runsDir, 'absent'), id));
      expect(error.message).toBe(
        `There is no run "${id}". ${join(runsDir, 'absent')} holds no runs.`,
      );
    }
  });

  it('does not take any folder for a run', async () => {
    await mkdir(join(runsDir, 'plain'));
    const error = await failure(RunFolder.open(runsDir, join(runsDir, 'plain')));
    expect(error.message).toBe(
      `${join(runsDir, 'plain')} is not a run folder. It has no config.yaml.`,
    );
    expect(await RunFolder.list(runsDir)).toEqual([]);
  });
});

describe('listing runs', () => {
  it('is empty where there is no folder', async () => {
    expect(await RunFolder.list(join(runsDir, 'absent'))).toEqual([]);
  });

  it('gives the newest first, each with its end', async () => {
    const first = await make('a', 'aaaa', new Date('2025-01-01T00:00:00Z'));
    const second = await make('b', 'bbbb', new Date('2025-01-02T00:00:00Z'));
    const third = await make('c', 'cccc', new Date('2025-01-03T00:00:00Z'));
    await first.writeResult({ startedAt: 1000, endedAt: 2000, ...result(first) });
    await second.writeResult({
      startedAt: 3000,
      endedAt: 4000,
      status: 'failed',
      error: { code: 'FT_WORKER_LOST', message: 'Worker 2 was killed.', remedy: '' },
      runDir: second.dir,
      resumable: true,
    });
    await writeFile(second.eventsPath, lines([epoch(0, 0.5, true), epoch(1, 0.4, false)]));
    await third.writeResult({
      startedAt: 5000,
      endedAt: 6000,
      ...result(third, { status: 'stopped', epochs: 3, best: null }),
    });
    const common = { totalEpochs: null, error: null, sessions: 1, tookMs: 1000 };
    expect(await RunFolder.list(runsDir)).toEqual([
      {
        ...common,
        id: third.id,
        dir: third.dir,
        status: 'stopped',
        epochs: 3,
        best: null,
        startedAt: Date.parse('2025-01-03T00:00:00Z'),
        endedAt: 6000,
      },
      {
        id: second.id,
        dir: second.dir,
        status: 'failed',
        epochs: 2,
        totalEpochs: 25,
        best: { epoch: 0, metric: 'accuracy', value: 0.5 },
        startedAt: Date.parse('2025-01-02T00:00:00Z'),
        endedAt: 4000,
        sessions: 1,
        tookMs: 1000,
        error: { code: 'FT_WORKER_LOST', message: 'Worker 2 was killed.' },
      },
      {
        ...common,
        id: first.id,
        dir: first.dir,
        status: 'finished',
        epochs: 25,
        best: { epoch: 19, metric: 'accuracy', value: 0.76 },
        startedAt: Date.parse('2025-01-01T00:00:00Z'),
        endedAt: 2000,
      },
    ]);
  });

  it('shows a run whose lock is held as running, with what its events say so far', async () => {
    const run = await make();
    await writeFile(run.configPath, 'best:\n  metric: loss\n');
    const torn = '{"type":"epoch","at":17';
    await writeFile(run.eventsPath, lines([epoch(0, 0.5, true), epoch(1, 0.4, false)]) + torn);
    const lock = await run.lock();
    expect(await run.summary()).toMatchObject({
      status: 'running',
      epochs: 2,
      totalEpochs: 25,
      best: { epoch: 0, metric: 'loss', value: 1.5 },
      startedAt: Date.parse('2025-03-04T05:06:07Z'),
      endedAt: null,
    });
    await lock.release();
    expect(await run.summary()).toMatchObject({
      status: 'failed',
      error: { code: 'FT_INTERRUPTED', message: 'The launch was killed before the run ended.' },
    });
  });

  it('shows a run that was stopped at once as stopped, with the epochs it had done', async () => {
    const run = await make();
    await writeFile(run.eventsPath, lines([epoch(0, 0.5, true), epoch(1, 0.4, false)]));
    const error = { code: 'FT_INTERRUPTED', message: 'Stopped at once.', remedy: '' } as const;
    const ended = { startedAt: 1, endedAt: 2, runDir: run.dir, resumable: true };
    await run.writeResult({ ...ended, status: 'failed', error });
    const done = { status: 'stopped', epochs: 2, best: { epoch: 0, value: 0.5 } };
    expect(await run.summary()).toMatchObject(done);
    // A result counts the whole run; the events are only there for a run without one.
    const counted = result(run, { status: 'stopped', epochs: 1, best: null });
    await run.writeResult({ ...ended, ...counted });
    expect(await run.summary()).toMatchObject({ status: 'stopped', epochs: 1, best: null });
  });

  it('counts the time of all sessions of a resumed run, and not the time between them', async () => {
    const run = await make();
    const started = { type: 'run-started', runId: run.id, term: 1, resumedFromRound: 0 };
    const state = { type: 'worker-state', slot: 0, stage: 'wait' };
    const history = [
      { at: 1000, ...started },
      { at: 3500, ...state },
      { at: 4000, type: 'run-failed', error: { code: 'FT_WORKER_LOST' }, resumable: true },
      // A resume that was refused before it started.
      { at: 50_000, type: 'run-failed', error: { code: 'FT_CHECKPOINT_DAMAGED' }, resumable: true },
      { at: 60_000, ...started },
      { at: 61_000, ...state },
      { at: 62_500, ...state },
    ];
    await writeFile(run.eventsPath, `${lines(history)}{"at":99`);
    await run.writeResult({ startedAt: 59_000, endedAt: 63_000, ...result(run) });
    expect(await run.summary()).toMatchObject({
      sessions: 2,
      tookMs: 3000 + 2500,
      startedAt: Date.parse('2025-03-04T05:06:07Z'),
      endedAt: 63_000,
    });
    const lock = await run.lock();
    expect(await run.summary()).toMatchObject({ status: 'running', sessions: 2, tookMs: null });
    await lock.release();
  });

  it('finds the end in the events where no result could be written', async () => {
    const run = await make();
    const end: RunEvent = { at: 99, type: 'run-finished', result: result(run) };
    await writeFile(run.eventsPath, lines([epoch(24, 0.7, true), end]));
    expect(await run.summary()).toMatchObject({ status: 'finished', endedAt: 99, epochs: 25 });
  });
});

describe('the lock of a run', () => {
  it('refuses a second launch and names the first', async () => {
    const run = await make();
    const lock = await run.lock();
    const error = await failure(run.lock());
    expect(error.code).toBe('FT_RUN_IN_USE');
    expect(error.message).toMatch(
      new RegExp(`^Process ${String(process.pid)} on .+ is working in the run ${run.id}\\. `),
    );
    await lock.release();
    await (await run.lock()).release();
    expect((await readdir(run.dir)).filter((name) => name.startsWith('lock'))).toEqual([]);
  });
});

describe('the configuration of a continued run', () => {
  it('keeps each old one under a number', async () => {
    const run = await make();
    await run.replaceConfig('seed: 7\n');
    await run.replaceConfig('seed: 8\n');
    await run.replaceConfig('seed: 9\n');
    expect(await readFile(run.configPath, 'utf8')).toBe('seed: 9\n');
    expect(await readFile(join(run.dir, 'config.1.yaml'), 'utf8')).toBe('seed: 7\n');
    expect(await readFile(join(run.dir, 'config.2.yaml'), 'utf8')).toBe('seed: 8\n');
    expect((await readdir(run.dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('a run folder after its processes were killed', () => {
  it('is swept of temporary files and of the dead coordinator, and of nothing else', async () => {
    const run = await make();
    await writeFile(join(run.checkpointsDir, '.epoch-0001-round-000010.ckpt.12-3.tmp'), 'half');
    await writeFile(join(run.checkpointsDir, 'epoch-0001-round-000010.ckpt'), 'whole');
    await writeFile(join(run.dir, '.result.json.12-4.tmp'), 'half');
    await writeFile(run.coordinatorPath, '{}');
    expect(await run.hasCheckpoint()).toBe(true);
    await writeFile(run.targetsPath, '[]');
    await run.sweep();
    expect(await readdir(run.checkpointsDir)).toEqual(['epoch-0001-round-000010.ckpt']);
    expect((await readdir(run.dir)).sort()).toEqual([
      'best',
      'checkpoints',
      'config.yaml',
      'logs',
      'model',
    ]);
  });

  it('has the old model back when the new one was not in its place yet', async () => {
    const run = await make();
    await writeFile(join(run.modelDir, 'model.onnx'), 'old');
    await rename(run.modelDir, join(run.dir, '.model.old'));
    await mkdir(join(run.dir, '.model.new'));
    await writeFile(join(run.dir, '.model.new', 'model.onnx'), 'new');
    await run.sweep();
    expect(await readFile(join(run.modelDir, 'model.onnx'), 'utf8')).toBe('old');
    expect((await readdir(run.dir)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('keeps the new model when it was in its place, and nothing of the old one', async () => {
    const run = await make();
    await writeFile(join(run.modelDir, 'model.onnx'), 'new');
    await mkdir(join(run.dir, '.model.old'));
    await writeFile(join(run.dir, '.model.old', 'model.onnx'), 'old');
    await run.sweep();
    expect(await readFile(join(run.modelDir, 'model.onnx'), 'utf8')).toBe('new');
    expect((await readdir(run.dir)).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('has no checkpoint to resume from when only the final state is there', async () => {
    const run = await make();
    expect(await run.hasCheckpoint()).toBe(false);
    await writeFile(join(run.checkpointsDir, 'final.ckpt'), '');
    expect(await run.hasCheckpoint()).toBe(false);
  });
});
