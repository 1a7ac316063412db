import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../../src/control/events.js';
import type { FtctlError, FtctlErrorJson } from '../../../src/errors/index.js';
import { judge } from '../../../src/launch/judge.js';
import type { EndedProcess, RunFacts } from '../../../src/launch/run-facts.js';
import { noProgress } from '../../../src/launch/run-progress.js';

const training = {
  phase: 'train',
  where: 'at epoch 3 of 25, step 12 of 23',
  joined: new Set([0, 1, 2]),
  // Slot 0 is out: ranks are not slots.
  ranks: new Map([
    [1, 0],
    [2, 1],
  ]),
} as const;

const nothing: RunFacts = {
  result: null,
  failure: null,
  ended: [],
  watchError: null,
  limit: null,
  interrupted: null,
  givenUp: null,
  progress: training,
};

function worker(slot: number, over: Partial<EndedProcess> = {}): EndedProcess {
  return {
    process: { role: 'worker', slot },
    exit: { code: 4, signal: null },
    tail: [],
    wasAsked: false,
    wasReplaced: false,
    silentForMs: null,
    reported: null,
    logPath: `logs/worker-${String(slot)}.log`,
    ...over,
  };
}

function coordinator(over: Partial<EndedProcess> = {}): EndedProcess {
  return { ...worker(0, over), process: { role: 'coordinator' } };
}

const again = 'ftctl launch --config flowers.yaml';
const killed = { exit: { code: null, signal: 'SIGKILL' } };
const json = (
  code: FtctlErrorJson['code'],
  over: Partial<FtctlErrorJson> = {},
): FtctlErrorJson => ({
  code,
  message: `Message of ${code}.`,
  remedy: 'Remedy.',
  ...over,
});

function errorOf(facts: Partial<RunFacts>, resumable = true): FtctlError {
  const outcome = judge({ ...nothing, ...facts }, { resumable, again });
  if ('result' in outcome) throw new Error('it has a result');
  return outcome.error;
}

describe('the outcome of a run', () => {
  it('is its result, whatever the processes did after it', () => {
    const result = { runId: 'run-1' } as RunResult;
    const facts = { ...nothing, result, ended: [worker(1, killed)], interrupted: 'now' } as const;
    expect(judge(facts, { resumable: true, again })).toEqual({ result });
  });

  it("is the coordinator's verdict where it knows best", () => {
    const failure = json('FT_LOSS_NOT_FINITE', { rank: 1, phase: 'update' });
    const error = errorOf({ failure, ended: [worker(1), worker(2), coordinator()] });
    expect(error.toJSON()).toEqual(failure);
  });

  it('names how the worker ended that the coordinator lost, by its rank', () => {
    const failure = json('FT_WORKER_LOST', { rank: 1, phase: 'reduce' });
    const error = errorOf({ failure, ended: [worker(2, killed), worker(1), coordinator()] });
    expect(error.toJSON()).toMatchObject({
      code: 'FT_WORKER_LOST',
      message:
        'Worker 2 was killed by SIGKILL (by hand, or by the system because memory ran out) at epoch 3 of 25, step 12 of 23.',
      rank: 1,
      phase: 'reduce',
    });
  });

  it('gives the words of the worker itself where it had any', () => {
    const failure = json('FT_WORKER_LOST', { rank: 1, phase: 'features' });
    const reported = json('FT_DISK_FULL');
    const error = errorOf({ failure, ended: [worker(2, { reported })] });
    expect(error.toJSON()).toEqual({ ...reported, rank: 1, phase: 'features' });
  });

  it('blames the dead one of two workers that lost each other', () => {
    const failure = json('FT_WORKERS_DISCONNECTED', { rank: 0, phase: 'reduce' });
    const error = errorOf({ failure, ended: [worker(2, killed)] });
    expect(error.toJSON()).toMatchObject({ code: 'FT_WORKER_LOST', rank: 1 });
  });

  it('does not blame a worker that ended because it was told of the failure', () => {
    const failure = json('FT_WORKER_SILENT', { rank: 0 });
    const error = errorOf({ failure, ended: [worker(2, { reported: failure })] });
    expect(error.toJSON()).toEqual(failure);
  });

  it('does not blame a worker that the launcher made end', () => {
    const failure = json('FT_WORKER_SILENT', { rank: 0 });
    const asked = worker(1, { ...killed, wasAsked: true });
    expect(errorOf({ failure, ended: [asked] }).toJSON()).toEqual(failure);
  });

  it("is the coordinator's own end before what workers say of it", () => {
    const reported = json('FT_COORDINATOR_LOST');
    const ended = [worker(1, { reported }), coordinator(killed)];
    const error = errorOf({ ended, watchError: json('FT_COORDINATOR_LOST') }, false);
    expect(error.toJSON()).toMatchObject({
      code: 'FT_COORDINATOR_LOST',
      message:
        'The coordinator was killed by SIGKILL (by hand, or by the system because memory ran out) at epoch 3 of 25, step 12 of 23.',
      remedy:
        'Its log is logs/coordinator.log in the run folder. There is no checkpoint yet: start the run again with `ftctl launch --config flowers.yaml`.',
      phase: 'train',
    });
  });

  it('is a failure where the coordinator ends well but without a result', () => {
    const error = errorOf({ ended: [coordinator({ exit: { code: 0, signal: null } })] });
    expect(error.message).toBe(
      'The coordinator ended with exit code 0 at epoch 3 of 25, step 12 of 23.',
    );
  });

  it('says that a program could not be started', () => {
    const startError = new Error('spawn node ENOENT');
    const exit = { code: null, signal: null, startError };
    const error = errorOf({ ended: [coordinator({ exit })], progress: noProgress });
    expect(error.toJSON()).toMatchObject({
      code: 'FT_PROCESS_START',
      message: 'The coordinator could not be started (spawn node ENOENT).',
    });
  });

  it('takes a worker that left with 0 for released, unless it never joined', () => {
    const left = { exit: { code: 0, signal: null } };
    expect(errorOf({ ended: [worker(1, left)] }).code).toBe('FT_COORDINATOR_LOST');
    expect(errorOf({ ended: [worker(7, left)] }).toJSON()).toMatchObject({
      code: 'FT_PROCESS_START',
      message: 'Worker 7 ended with exit code 0 before it joined the run.',
      rank: 7,
    });
  });

  it('is the last end of the worker that was started again and again, whoever else ended', () => {
    const ended = [
      worker(2, killed),
      worker(1, { ...killed, wasReplaced: true }),
      worker(1, { tail: ['Error: no such device'] }),
      coordinator({ exit: { code: 0, signal: null } }),
    ];
    expect(errorOf({ givenUp: 1, ended }).toJSON()).toMatchObject({
      code: 'FT_WORKER_LOST',
      message:
        'Worker 1 ended with exit code 4: Error: no such device at epoch 3 of 25, step 12 of 23.',
      rank: 0,
    });
  });

  it('says how long a frozen process was waited for', () => {
    const error = errorOf({ ended: [worker(1, { ...killed, silentForMs: 60_000 })] });
    expect(error.code).toBe('FT_WORKER_SILENT');
    expect(error.message).toBe(
      'Worker 1 did not answer for 60 s and was killed at epoch 3 of 25, step 12 of 23.',
    );
  });

  it('is an interruption for a stop now, whatever it made the processes say', () => {
    const ended = [coordinator(killed), worker(1, { reported: json('FT_COORDINATOR_LOST') })];
    const error = errorOf({ interrupted: 'now', ended });
    expect(error.code).toBe('FT_INTERRUPTED');
    expect(error.exitCode).toBe(130);
  });

  it('is an interruption where a coordinator that was asked to stop just ends', () => {
    const ended = [
      worker(1, { reported: json('FT_COORDINATOR_LOST') }),
      coordinator({ exit: { code: 0, signal: null } }),
    ];
    const error = errorOf({ interrupted: 'graceful', ended });
    expect(error.code).toBe('FT_INTERRUPTED');
    expect(error.message).toBe(
      'The run was stopped before its first step, as asked. Its last checkpoint is as it was.',
    );
  });

  it('is a lost coordinator where it dies while it stops', () => {
    const error = errorOf({ interrupted: 'graceful', ended: [coordinator(killed)] });
    expect(error.code).toBe('FT_COORDINATOR_LOST');
  });

  it('names the wait that ran out', () => {
    const limit = 'The coordinator did not listen within 120 s.';
    expect(errorOf({ limit, progress: noProgress }).toJSON()).toMatchObject({
      code: 'FT_PROCESS_START',
      message: limit,
      phase: 'start',
    });
  });

  it('is a broken connection where nothing else is known', () => {
    const watchError = json('FT_COORDINATOR_LOST', { message: 'The stream was reset.' });
    expect(errorOf({ watchError }).message).toBe(
      'The connection to the coordinator broke at epoch 3 of 25, step 12 of 23. The stream was reset.',
    );
  });
});
