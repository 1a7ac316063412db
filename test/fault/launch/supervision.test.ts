import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/control/events.js';
import { FtctlError } from '../../../src/errors/index.js';
import { runLaunch } from '../../../src/launch/run-launch.js';
import { fakeConfig, fakePorts, pidsOf } from '../../support/launch/fake-launch.js';
import { useRunsDir, said } from '../../support/launch/launch-fakes.js';

const runs = useRunsDir();
const { launchFakes } = runs;

const resumeRemedy = (log: string) =>
  `Its log is logs/${log}.log in the run folder. ` +
  `Continue from the last checkpoint with \`ftctl launch --resume RUN\`.`;

describe('a configuration that cannot work', () => {
  it('is refused before there is a run folder', async () => {
    const fault = new FtctlError('FT_MODEL_UNKNOWN', { what: 'There is no such network.' });
    const checkLaunch = (): never => {
      throw fault;
    };
    const launching = runLaunch(
      fakeConfig(2),
      { runsDir: runs.path },
      fakePorts({}, {}, { checkLaunch }),
    );
    await expect(launching).rejects.toMatchObject({
      code: 'FT_MODEL_UNKNOWN',
      details: { runDir: null, resumable: false },
    });
    expect(await readdir(runs.path)).toEqual([]);
  });
});

describe('a new run that is refused before anything was trained', () => {
  it('leaves no folder, and its error names none', async () => {
    const launching = runLaunch(
      fakeConfig(2),
      { runsDir: runs.path },
      fakePorts({ coordinator: 'report-port' }),
    );
    await expect(launching).rejects.toMatchObject({
      code: 'FT_PORT_IN_USE',
      details: { runDir: null, resumable: false },
    });
    expect(await readdir(runs.path)).toEqual([]);
  });
});

describe('a run that goes well', () => {
  it('gives its result, its events in order, and a record', async () => {
    const events: RunEvent[] = [];
    const { result, run } = await launchFakes({}, { onEvent: (event) => events.push(event) });
    expect(result).toMatchObject({ runId: run.id, status: 'finished', steps: 5, workers: 2 });
    const types = events.map(({ type }) => type);
    expect(types.slice(0, 2)).toEqual(['run-started', 'preparing']);
    expect(types.at(-1)).toBe('run-finished');
    expect(await run.summary()).toMatchObject({ status: 'finished', epochs: 1 });
    const log = await readFile(run.logPath('launch'), 'utf8');
    expect(log).toContain('"message":"Started worker 1."');
    expect(log).not.toContain('secret');
  });

  it('is not ended by a SIGINT that a terminal sends to all its processes', async () => {
    const plan = { steps: 10, stepMs: 50 };
    const { result } = await launchFakes(plan, {
      onEvent: (event) => {
        if (event.type !== 'step' || event.step !== 3) return;
        void readdir(runs.path).then(([id]) => {
          for (const pid of pidsOf(join(runs.path, id!))) process.kill(pid, 'SIGINT');
        });
      },
    });
    expect(result).toMatchObject({ status: 'finished', steps: 10 });
  });

  it('is not ended by an event handler that throws', async () => {
    const { result } = await launchFakes(
      {},
      {
        onEvent: () => {
          throw new Error('broken pipe');
        },
      },
    );
    expect(result).toMatchObject({ status: 'finished' });
  });

  it('ends with its result although the coordinator does not end', async () => {
    const { result, seconds } = await launchFakes({ coordinator: 'linger' }, {}, { exitMs: 500 });
    expect(result).toMatchObject({ status: 'finished' });
    expect(seconds).toBeLessThan(20);
  });
});

describe('a worker that dies', () => {
  it('is named with the signal that killed it, and where the run was', async () => {
    const { error, run } = await launchFakes({ steps: 100, workers: { 1: 'sigkill' } });
    expect(said(error)).toEqual({
      code: 'FT_WORKER_LOST',
      message: expect.stringMatching(
        /^Worker 1 was killed by SIGKILL \(by hand, or by the system because memory ran out\) at epoch 1 of 2, step \d+ of 100\.$/,
      ) as string,
      remedy: resumeRemedy('worker-1'),
      rank: 1,
      phase: 'gradients',
    });
    expect(error?.details).toMatchObject({
      runDir: run.dir,
      resumable: true,
      exit: { process: 'worker 1', code: null, signal: 'SIGKILL' },
    });
    expect(await run.summary()).toMatchObject({
      status: 'failed',
      error: { code: 'FT_WORKER_LOST' },
    });
  });

  it('is named with what native code said as it crashed', async () => {
    const { error } = await launchFakes({ steps: 100, workers: { 0: 'sigsegv' } });
    expect(error?.message).toMatch(
      /^Worker 0 crashed in native code with SIGSEGV: onnxruntime: Segmentation fault in MlasGemm at epoch 1/,
    );
  });

  it('is known to have run out of heap memory', async () => {
    const { error } = await launchFakes({ steps: 100, workers: { 0: 'heap' } });
    expect(error?.message).toMatch(/^Worker 0 ran out of JavaScript heap memory at epoch 1 of 2, /);
  });

  it('before it could join is told by what it said last', async () => {
    const { error, run } = await launchFakes({ workers: { 1: 'exit-at-start' } });
    expect(said(error)).toEqual({
      code: 'FT_PROCESS_START',
      message:
        "Worker 1 ended with exit code 1: Error: Cannot find module 'onnxruntime-node' before it joined the run.",
      remedy: `Its log is logs/worker-1.log in the run folder. There is no checkpoint yet: start the run again with \`ftctl launch --config ${run.configPath}\`.`,
      rank: 1,
      phase: 'prepare',
    });
    expect(error?.details).toMatchObject({ runDir: run.dir, resumable: false });
  });

  it('with an error of its own is told by that error', async () => {
    const { error } = await launchFakes({ workers: { 0: 'report-port' } });
    expect(said(error)).toEqual({
      code: 'FT_PORT_IN_USE',
      message: 'Port 9464 on 127.0.0.1 (metrics) is taken by another process.',
      remedy: 'Do something about it.',
      rank: 0,
      phase: 'prepare',
    });
    expect(error?.exitCode).toBe(5);
  });

  it('before it could join is told although the coordinator says that it was stopped', async () => {
    const plan = { coordinator: 'stop-on-sigterm', workers: { 1: 'report-port' } };
    const { error } = await launchFakes(plan);
    expect(said(error)).toMatchObject({ code: 'FT_PORT_IN_USE', rank: 1 });
    expect(error?.exitCode).toBe(5);
  });

  it('by freezing is not waited for once the coordinator has given it up', async () => {
    const plan = { steps: 1000, coordinator: 'impatient', workers: { 1: 'freeze' } };
    const { error, seconds } = await launchFakes(plan);
    expect(said(error)).toMatchObject({
      code: 'FT_WORKER_SILENT',
      message: expect.stringMatching(
        /^Worker 1 did not answer for \d\.?\d* s and was killed at epoch 1 of 2, step 10 of 1000\.$/,
      ) as string,
      remedy: `Look for what stopped the process, or a hung disk. ${resumeRemedy('worker-1')}`,
      rank: 1,
    });
    expect(seconds).toBeLessThan(10); // exitMs alone is 15 s
  });

  it('ends the run even if the coordinator does not notice', async () => {
    const plan = { steps: 10_000, coordinator: 'mute', workers: { 1: 'sigkill' } };
    const { error } = await launchFakes(plan, {}, { verdictMs: 500 });
    expect(said(error)).toMatchObject({
      code: 'FT_COORDINATOR_LOST',
      message: 'The coordinator did not notice that worker 1 had ended within 0.5 s.',
    });
  });

  it('by hanging before it joined has a limit', async () => {
    const { error } = await launchFakes({ workers: { 1: 'hang-at-start' } }, {}, { joinMs: 1500 });
    expect(said(error)).toMatchObject({
      code: 'FT_COORDINATOR_LOST',
      message: 'Worker 1 did not join the run within 1.5 s.',
    });
  });

  it('by hanging before it joined is no stop, whatever the coordinator says as it is ended', async () => {
    const plan = { coordinator: 'stop-on-sigterm', workers: { 1: 'hang-at-start' } };
    const { error } = await launchFakes(plan, {}, { joinMs: 1500 });
    expect(error?.message).toBe('Worker 1 did not join the run within 1.5 s.');
  });
});

describe('a worker that dies once rounds have begun', () => {
  const restarts = { firstDelayMs: 10, longestDelayMs: 40, steadyMs: 5000, most: 5 };
  const joinedSlots = (events: readonly RunEvent[]): number[] =>
    events.flatMap((event) => (event.type === 'worker-joined' ? [event.slot] : [])).sort();

  it.each(['tolerant', 'tolerant-late'])(
    'is replaced, once, and the run goes on (a coordinator that is %s)',
    async (coordinator) => {
      const events: RunEvent[] = [];
      const plan = { coordinator, workers: { 1: 'sigkill' } };
      const { result } = await launchFakes(
        plan,
        { onEvent: (event) => events.push(event) },
        // Far less than a process takes to start, and to answer.
        { settleMs: 20, restarts },
      );
      expect(result).toMatchObject({ status: 'finished', steps: 5 });
      expect(joinedSlots(events)).toEqual([0, 1, 1]);
    },
  );

  it('by freezing is killed and replaced', async () => {
    const events: RunEvent[] = [];
    const { result } = await launchFakes(
      { steps: 8, coordinator: 'tolerant-of-silence', workers: { 1: 'freeze' } },
      { onEvent: (event) => events.push(event) },
      { settleMs: 300, restarts },
    );
    expect(result).toMatchObject({ status: 'finished' });
    expect(joinedSlots(events)).toEqual([0, 1, 1]);
  });

  it('again and again ends the run in order, and its last end is told', async () => {
    const events: RunEvent[] = [];
    const plan = { coordinator: 'tolerant', workers: { 1: 'never-again' } };
    const { error, run } = await launchFakes(
      plan,
      { onEvent: (event) => events.push(event) },
      { restarts },
    );
    expect(said(error)).toMatchObject({
      code: 'FT_WORKER_LOST',
      message: expect.stringMatching(
        /^Worker 1 ended with exit code 1: Error: Cannot find module 'onnxruntime-node' at epoch 1/,
      ) as string,
      rank: 1,
    });
    expect(events.at(-1)?.type).toBe('run-stopped'); // what was done is kept
    expect(await run.summary()).toMatchObject({ status: 'failed' });
    const log = await readFile(run.logPath('launch'), 'utf8');
    expect(log.match(/"Started worker 1\."/g)).toHaveLength(6);
  });
});

describe('a coordinator that dies', () => {
  it('is named with the signal that killed it, and the run can be resumed', async () => {
    const { error } = await launchFakes({ steps: 100, coordinator: 'sigkill' });
    expect(said(error)).toEqual({
      code: 'FT_COORDINATOR_LOST',
      message:
        'The coordinator was killed by SIGKILL (by hand, or by the system because memory ran out) at epoch 1 of 2, step 3 of 100.',
      remedy: resumeRemedy('coordinator'),
      rank: undefined,
      phase: 'train',
    });
    expect(error?.details).toMatchObject({ resumable: true });
  });

  it('of a bug is told by the error, not by its effects on the workers', async () => {
    const { error } = await launchFakes({ steps: 100, coordinator: 'throw' });
    expect(error?.message).toBe(
      'The coordinator ended with exit code 1: TypeError: undefined is not a tensor at epoch 1 of 2, step 3 of 100.',
    );
  });

  it('with an error of its own is told by that error', async () => {
    const { error } = await launchFakes({ coordinator: 'report-port' });
    expect(said(error)).toMatchObject({ code: 'FT_PORT_IN_USE', rank: undefined, phase: 'start' });
  });

  it('after it has told why is told by that', async () => {
    const { error } = await launchFakes({ coordinator: 'bad-data' });
    expect(said(error)).toMatchObject({
      code: 'FT_WORKER_NOT_ADMITTED',
      message: 'Nobody may join.',
    });
  });

  it('before it listens is told by what it said last', async () => {
    const { error } = await launchFakes({ coordinator: 'exit-at-start' });
    expect(said(error)).toMatchObject({
      code: 'FT_COORDINATOR_LOST',
      message:
        "The coordinator ended with exit code 1: Error: Cannot find module 'onnxruntime-node' while the run started.",
    });
  });

  it('by hanging before it listens has a limit', async () => {
    const { error } = await launchFakes({ coordinator: 'hang-at-start' }, {}, { listenMs: 1000 });
    expect(said(error)).toMatchObject({
      code: 'FT_PROCESS_START',
      message: 'The coordinator did not listen within 1 s.',
    });
  });

  it('by freezing in the middle is found by its heartbeat', async () => {
    const limits = { heartbeatMs: 100, silentMs: 1500 };
    const { error } = await launchFakes({ steps: 1000, coordinator: 'freeze' }, {}, limits);
    expect(said(error)).toMatchObject({
      code: 'FT_COORDINATOR_LOST',
      message:
        'The coordinator did not answer for 1.5 s and was killed at epoch 1 of 2, step 3 of 1000.',
    });
  });

  it('by saying nothing after the last worker has ended has a limit', async () => {
    const { error } = await launchFakes({ coordinator: 'mute-end' }, {}, { verdictMs: 700 });
    expect(said(error)).toMatchObject({
      code: 'FT_COORDINATOR_LOST',
      message: 'The coordinator did not go on after the last worker had ended within 0.7 s.',
    });
  });
});

describe('stopping a run', () => {
  it('in order gives the result of what was done', async () => {
    const stop = new AbortController();
    const { result, run } = await launchFakes(
      { steps: 10_000 },
      {
        signal: stop.signal,
        onEvent: (event) => {
          if (event.type === 'step' && event.step === 4) stop.abort();
        },
      },
    );
    expect(result).toMatchObject({ status: 'stopped' });
    expect(await run.summary()).toMatchObject({ status: 'stopped' });
  });

  it('before anything was done is an interruption', async () => {
    const stop = new AbortController();
    const { error } = await launchFakes(
      { steps: 10_000, workers: { 1: 'hang-at-start' } },
      {
        signal: stop.signal,
        again: 'ftctl launch --config flowers.yaml',
        onEvent: (event) => {
          if (event.type === 'worker-joined') stop.abort();
        },
      },
    );
    expect(said(error)).toMatchObject({
      code: 'FT_INTERRUPTED',
      message: 'The run was stopped before its first step, as asked. There is no checkpoint yet.',
      remedy: 'Start it again with `ftctl launch --config flowers.yaml`.',
    });
    expect(error?.exitCode).toBe(130);
  });

  it('a second time ends processes that do not follow, within three seconds', async () => {
    const stop = new AbortController();
    const kill = new AbortController();
    let killedAt = Infinity;
    const { error } = await launchFakes(
      { steps: 10_000, coordinator: 'deaf', workers: { 0: 'stubborn' } },
      {
        signal: stop.signal,
        killSignal: kill.signal,
        onEvent: (event) => {
          if (event.type !== 'step') return;
          if (event.step === 4) stop.abort();
          if (event.step === 10) {
            killedAt = performance.now();
            kill.abort();
          }
        },
      },
    );
    const ms = performance.now() - killedAt;
    expect(ms).toBeGreaterThan(2000); // the stubborn one had its time
    expect(ms).toBeLessThan(4000);
    expect(said(error)).toMatchObject({
      code: 'FT_INTERRUPTED',
      message:
        'The run was stopped at once, as asked. What was done since the last checkpoint is lost.',
    });
    expect(error?.details).toMatchObject({ resumable: true });
  });

  it('at once does not tell of the workers that it ends as lost', async () => {
    const kill = new AbortController();
    const types: string[] = [];
    const { error, run } = await launchFakes(
      { steps: 10_000, coordinator: 'stubborn' },
      {
        killSignal: kill.signal,
        onEvent: (event) => {
          types.push(event.type);
          if (event.type === 'step' && event.step === 4) kill.abort();
        },
      },
    );
    expect(error?.code).toBe('FT_INTERRUPTED');
    expect(types).not.toContain('worker-lost');
    expect(types.at(-1)).toBe('run-failed'); // the coordinator did see that they were gone
    expect(await run.summary()).toMatchObject({ status: 'stopped' });
  });

  it('at once is an interruption even if the coordinator says that it has stopped', async () => {
    const kill = new AbortController();
    const { error } = await launchFakes(
      { steps: 10_000, coordinator: 'stop-on-sigterm' },
      {
        killSignal: kill.signal,
        onEvent: (event) => {
          if (event.type === 'step' && event.step === 4) kill.abort();
        },
      },
    );
    expect(said(error)).toMatchObject({ code: 'FT_INTERRUPTED' });
  });

  it('in order has a limit', async () => {
    const stop = new AbortController();
    const { error } = await launchFakes(
      { steps: 4, stepMs: 30, coordinator: 'mute-end', workers: { 0: 'stubborn' } },
      {
        signal: stop.signal,
        onEvent: (event) => {
          // The fake takes the stop and then says nothing any more.
          if (event.type === 'step' && event.step === 3) {
            setTimeout(() => {
              stop.abort();
            }, 60);
          }
        },
      },
      { stopMs: 800, verdictMs: 60_000 },
    );
    expect(said(error)).toMatchObject({ code: 'FT_COORDINATOR_LOST' });
    expect(error?.message).toBe('The run did not get on with its stop within 0.8 s.');
  });

  it('before the launch starts nothing and makes no folder', async () => {
    const work = runLaunch(
      fakeConfig(2),
      { runsDir: runs.path, signal: AbortSignal.abort() },
      fakePorts({}),
    );
    await expect(work).rejects.toMatchObject({
      code: 'FT_INTERRUPTED',
      details: { runDir: null, resumable: false },
    });
    expect(await readdir(runs.path)).toEqual([]);
  });
});
