import { describe, expect, it } from 'vitest';
import { Conductor, type States } from '../../../src/coordinator/conductor.js';
import type { JournalRecord } from '../../../src/coordinator/journal-records.js';
import { decide } from '../../../src/coordinator/membership.js';
import type { MembershipEffect } from '../../../src/coordinator/membership-state.js';
import type { RunEventBody } from '../../../src/control/events.js';
import { FtctlError } from '../../../src/errors/index.js';
import type { ControlPlane } from '../../../src/rpc/control-link.js';
import type { CoordinatorMessage, WorkerMessage } from '../../../src/rpc/control-messages.js';
import { systemClock } from '../../../src/util/clock.js';
import { options, reportOf, start } from './support.js';

/** A conductor with one worker that is played by hand; its ports may be replaced. */
function conducted(ports: {
  append?: (record: JournalRecord) => Promise<void>;
  store?: States['store'];
  emit?: (event: RunEventBody) => void;
  decide?: typeof decide;
}) {
  const sent: CoordinatorMessage[] = [];
  const journal: JournalRecord[] = [];
  const events: RunEventBody[] = [];
  let say: (incarnation: string, message: WorkerMessage) => void = () => undefined;
  const plane: ControlPlane = {
    send: (_to, message) => {
      sent.push(message);
    },
    onMessage: (handler) => {
      say = handler;
    },
    onLost: () => undefined,
    close: () => undefined,
  };
  const conductor = new Conductor({
    membership: { ...options, count: 1 },
    plane,
    journal: {
      append: async (record) => {
        await ports.append?.(record);
        journal.push(record);
      },
    },
    states: { store: ports.store ?? (() => Promise.resolve('path')) },
    clock: systemClock,
    narrator: {
      phases: [{ train: ['head'], from: 'last', epochs: 1, earlyStopping: null }],
      ...{ steps: [1], history: [], bestEpoch: null },
    },
    ...(ports.decide === undefined ? {} : { decide: ports.decide }),
    emit: (event) => {
      ports.emit?.(event);
      events.push(event);
    },
  });
  const run = async (): Promise<void> => {
    say('w0', {
      type: 'hello',
      ...{ incarnation: 'w0', slot: 0, pid: 1, host: 'h', address: 'h:1' },
      ...{ metricsAddress: '', fingerprint: '{}', probe: '' },
    });
    say('w0', { type: 'ready', state: start });
    say('w0', { type: 'prepared', generation: { term: 3, number: 1 }, state: start });
    while (!sent.some(({ type }) => type === 'commit' || type === 'abort')) await turn();
  };
  return {
    conductor,
    sent,
    journal,
    events,
    run,
    say: (message: WorkerMessage) => {
      say('w0', message);
    },
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const final = {
  type: 'snapshot',
  kind: 'final',
  state: { round: 1, hash: 'f' },
  epoch: 0,
} as const;

describe('the conductor', () => {
  it('journals rounds before the state that they lead to, and then the end', async () => {
    const { conductor, journal, events, run, say, sent } = conducted({});
    await run();
    say({ type: 'round', report: reportOf(1) });
    say(final);
    const { end } = await conductor.outcome;
    expect(end).toEqual({
      status: 'finished',
      final: { kind: 'final', state: final.state, path: 'path' },
    });
    expect(journal.map(({ type }) => type)).toEqual(['generation', 'rounds', 'checkpoint', 'end']);
    expect(sent.map(({ type }) => type)).toEqual([
      ...['welcome', 'prepare', 'commit', 'acknowledge', 'release'],
    ]);
    expect(events.map(({ type }) => type)).toEqual([
      ...['worker-joined', 'worker-state', 'worker-state', 'generation', 'step', 'checkpoint'],
    ]);
  });

  it('says when the rounds up to a state are durable, also those that are just being written', async () => {
    let append = (): void => undefined;
    const appending = new Promise<void>((resolve) => (append = resolve));
    const seen: string[][] = [];
    const { conductor, journal, run, say } = conducted({
      append: ({ type }) => (type === 'rounds' ? appending : Promise.resolve()),
      store: async () => {
        await conductor.writeLedger();
        seen.push(journal.map(({ type }) => type));
        return 'path';
      },
    });
    await run();
    say({ type: 'round', report: reportOf(1) });
    const first = conductor.writeLedger();
    say(final);
    await turn();
    expect(seen).toEqual([]);
    append();
    await first;
    await conductor.outcome;
    expect(seen).toEqual([['generation', 'rounds']]);
  });

  it('fails the run when the journal cannot be written, and tells the worker', async () => {
    const full = new FtctlError('FT_DISK_FULL', { what: 'Full.' });
    const { conductor, sent, run } = conducted({
      append: ({ type }) => (type === 'generation' ? Promise.reject(full) : Promise.resolve()),
    });
    await run();
    expect((await conductor.outcome).end).toMatchObject({
      status: 'failed',
      error: { code: 'FT_DISK_FULL' },
    });
    expect(sent.map(({ type }) => type)).toEqual(['welcome', 'prepare', 'abort']);
  });

  it('ends in good order though a state is never given, when it is stopped at once', async () => {
    let aborted = false;
    const { conductor, run, say } = conducted({
      store: (_kind, _state, _epoch, _holder, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted = true;
            reject(FtctlError.from(signal.reason));
          });
        }),
    });
    await run();
    say({ ...final, kind: 'best' });
    await turn();
    conductor.stop('now');
    expect((await conductor.outcome).end).toEqual({ status: 'stopped', final: null });
    expect(aborted).toBe(true);
  });

  it('waits for a write that has begun before it ends', async () => {
    let written = false;
    const { conductor, run, say } = conducted({
      store: async () => {
        for (let i = 0; i < 5; i++) await turn();
        written = true;
        return 'path';
      },
    });
    await run();
    say({ ...final, kind: 'best' });
    await turn();
    conductor.stop('now');
    await conductor.outcome;
    expect(written).toBe(true);
  });

  it('ends with FT_INTERNAL, not without an outcome, when a port throws', async () => {
    const { conductor, run } = conducted({
      emit: ({ type }) => {
        if (type === 'worker-joined') throw new Error('a bug');
      },
    });
    await run();
    expect((await conductor.outcome).end).toMatchObject({
      status: 'failed',
      error: { code: 'FT_INTERNAL', message: 'Unexpected failure: a bug' },
    });
  });

  it('does not let a state that nobody can give any more hold up the next one', async () => {
    const asked: number[] = [];
    const best = { kind: 'best', state: { round: 1, hash: 'b' } } as const;
    const checkpoint = { kind: 'checkpoint', state: { round: 2, hash: 'c' } } as const;
    const { conductor } = conducted({
      store: (_kind, { round }, _epoch, _holder, signal) => {
        asked.push(round);
        if (round === 2) return Promise.resolve('path');
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            reject(FtctlError.from(signal.reason));
          });
        });
      },
      decide: (nowMs, state, event, o) =>
        event.type !== 'stop'
          ? decide(nowMs, state, event, o)
          : does(state, [
              { type: 'store', ...best, epoch: 0, holder: 'w0' },
              { type: 'store', ...checkpoint, epoch: 0, holder: 'w1' },
              ...(event.mode === 'now' ? [{ type: 'give-up', ...best } as const] : []),
            ]),
    });
    conductor.stop('graceful');
    for (let i = 0; i < 5; i++) await turn();
    expect(asked).toEqual([1]);
    conductor.stop('now');
    for (let i = 0; i < 5; i++) await turn();
    expect(asked.at(-1)).toBe(2);
  });

  it('looks again when a decision asks for it, and not after the end', async () => {
    const ticks: number[] = [];
    const { conductor } = conducted({
      decide: (nowMs, state, event) => {
        if (event.type === 'tick') ticks.push(nowMs);
        return event.type === 'stop' && event.mode === 'graceful'
          ? does(state, [{ type: 'look-again', inMs: 20 }])
          : does(state, [{ type: 'end', end: { status: 'stopped', final: null } }]);
      },
    });
    const askedMs = systemClock.nowMs();
    conductor.stop('graceful');
    conductor.stop('graceful');
    await conductor.outcome;
    expect(ticks).toHaveLength(1);
    expect(ticks[0]! - askedMs).toBeGreaterThanOrEqual(20);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(ticks).toHaveLength(1);
  });
});

function does(
  state: Parameters<typeof decide>[1],
  effects: readonly MembershipEffect[],
): ReturnType<typeof decide> {
  return { state, effects, outcome: 'played', reason: 'By hand.' };
}
