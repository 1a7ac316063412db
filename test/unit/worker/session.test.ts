import { describe, expect, it } from 'vitest';
import { MemoryNetwork } from '../../../src/collective/memory-transport.js';
import { FtctlError } from '../../../src/errors/index.js';
import { timeBuckets, type TimeBucket } from '../../../src/metrics/timeline.js';
import type {
  CoordinatorMessage,
  StateRef,
  WorkerMessage,
} from '../../../src/rpc/control-messages.js';
import type { Generation } from '../../../src/rpc/generation.js';
import { systemClock } from '../../../src/util/clock.js';
import { Session, type SessionOptions } from '../../../src/worker/session.js';
import { FakeTrainer, numRounds, type Shape, trueStates } from '../../sim/support/fake-trainer.js';

const shape: Shape = { epochs: 2, steps: 3, numShards: 5, vectorLength: 6 };
const states = trueStates(shape);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A session whose coordinator is played by hand. */
class Played {
  readonly sent: WorkerMessage[] = [];
  readonly buckets: TimeBucket[] = [];
  readonly session: Session;
  readonly ended: Promise<FtctlError | 'released'>;
  trainer: FakeTrainer | undefined;
  say!: (message: CoordinatorMessage) => void;
  lose!: (cause: string) => void;
  isClosed = false;

  constructor(
    place: { network: MemoryNetwork; name: string; slot: number },
    change: Partial<SessionOptions> & {
      work?: (round: number, signal: AbortSignal) => Promise<void>;
      move?: () => Promise<void>;
      open?: (round: number) => Promise<void>;
    } = {},
  ) {
    const { network, name, slot } = place;
    this.session = new Session({
      hello: {
        ...{ incarnation: name, slot, pid: 1, host: 'h', address: `h:${slot}` },
        ...{ metricsAddress: '', fingerprint: '{}', probe: '' },
      },
      control: {
        send: (message) => {
          this.sent.push(message);
        },
        onMessage: (handler) => {
          this.say = handler;
        },
        onLost: (handler) => {
          this.lose = handler;
        },
        close: () => {
          this.isClosed = true;
        },
      },
      transport: network.join(name),
      fetchState: () => Promise.reject(new Error('there is none')),
      prepare: (_bundle, { timeline }) => {
        const trainer = new FakeTrainer({
          shape,
          timeline,
          work: change.work ?? (() => Promise.resolve()),
          move: change.move ?? (() => Promise.resolve()),
          applying: (_round, sum) => sum,
          applied: () => undefined,
          restored: () => undefined,
        });
        this.trainer = trainer;
        return Promise.resolve({
          ...{ trainer, run: '0123456789abcdef' },
          open: () => change.open?.(trainer.round) ?? Promise.resolve(),
        });
      },
      clock: systemClock,
      timeline: {
        enter: (bucket) => {
          this.buckets.push(bucket);
        },
      },
      localReport: () => ({
        ...{ seconds: {}, rowsComputed: 0, rowsCached: 0, samples: 0 },
        ...{ bytesSent: 0, longestBlockMs: 0 },
      }),
      limits: { heartbeatMs: 20, reportEveryMs: 5 },
      ...change,
    });
    this.ended = this.session.done.then(
      () => 'released' as const,
      (error: unknown) => FtctlError.from(error),
    );
  }

  async until(type: WorkerMessage['type']): Promise<void> {
    while (!this.sent.some((message) => message.type === type)) await turn();
  }

  /** The last message but for signs of life, which a timer sends at any moment. */
  get lastSaid(): WorkerMessage | undefined {
    return this.sent.findLast(({ type }) => type !== 'stage');
  }

  types(): string[] {
    return this.sent.map(({ type }) => type);
  }
}

function generationOf(names: readonly string[], number = 1): Generation {
  const first = [0, 3];
  return {
    id: { term: 1, number },
    numShards: shape.numShards,
    twoHopFromElements: 1000,
    members: names.map((incarnation, rank) => ({
      ...{ incarnation, rank, address: `h:${rank}`, firstShard: first[rank]! },
      numShards: names.length === 1 ? 5 : [3, 2][rank]!,
    })),
  };
}

function commitOf(generation: Generation, round: number): CoordinatorMessage {
  const state = { round, hash: states[round]! };
  return { type: 'commit', generation, state, holders: [] };
}

const welcome = { type: 'welcome', term: 1, bundle: 'b', resume: null, toleranceMs: 100 } as const;

async function started(members: readonly Played[], generation: Generation): Promise<void> {
  for (const member of members) member.say(welcome);
  for (const member of members) await member.until('ready');
  for (const member of members) member.say({ type: 'prepare', generation, purpose: 'start' });
  for (const member of members) await member.until('prepared');
  for (const member of members) member.say(commitOf(generation, 0));
}

describe('a session', () => {
  it('runs all rounds with another worker and holds its last state until it is acknowledged', async () => {
    const network = new MemoryNetwork();
    const a = new Played({ network, name: 'a', slot: 0 });
    const b = new Played({ network, name: 'b', slot: 1 });
    await started([a, b], generationOf(['a', 'b']));
    const last: StateRef = { round: 9, hash: states[9]! };
    while ((await a.session.heldState(last)) === undefined || b.trainer?.round !== 9) await turn();
    expect([a.trainer?.round, b.trainer.round]).toEqual([9, 9]);
    const rounds = a.sent.flatMap((m) => (m.type === 'round' ? [m.report] : []));
    expect(rounds.map(({ round }) => round)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(rounds.map(({ ledger }) => ledger)).toEqual(states.slice(1));
    expect(a.lastSaid).toMatchObject({ type: 'snapshot', kind: 'final', state: last });
    expect(await a.session.heldState({ ...last, hash: 'other' })).toBeUndefined();
    a.say({ type: 'release', reason: 'done' });
    expect(await a.ended).toBe('released');
    expect(a.isClosed).toBe(true);
    b.say({ type: 'release', reason: 'done' });
  });

  it('is ready once the phase of the state that it goes on from is open', async () => {
    const state: StateRef = { round: 5, hash: states[5]! };
    const bytes = Buffer.from(JSON.stringify({ ...state, best: 0 }));
    const opened: number[] = [];
    let isOpen!: () => void;
    const a = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      {
        fetchState: () => Promise.resolve(bytes),
        open: (round) => {
          opened.push(round);
          return new Promise((resolve) => {
            isOpen = resolve;
          });
        },
      },
    );
    a.say({ ...welcome, resume: state });
    while (opened.length === 0) await turn();
    for (let i = 0; i < 5; i++) await turn();
    expect(opened).toEqual([5]);
    expect(a.sent.findLast(({ type }) => type === 'stage')).toMatchObject({ stage: 'open' });
    expect(a.types()).not.toContain('ready');
    isOpen();
    await a.until('ready');
    expect(a.lastSaid).toEqual({ type: 'ready', state });
  });

  it('catches up with the others, and goes on with them', async () => {
    const network = new MemoryNetwork();
    const state: StateRef = { round: 5, hash: states[5]! };
    const bytes = Buffer.from(JSON.stringify({ ...state, best: 0 }));
    const asked: string[] = [];
    const opened: number[] = [];
    const fetchState: SessionOptions['fetchState'] = (_state, holder) => {
      asked.push(holder);
      return holder === 'h:1' ? Promise.reject(new Error('gone')) : Promise.resolve(bytes);
    };
    const a = new Played(
      { network, name: 'a', slot: 0 },
      {
        fetchState,
        open: (round) => {
          opened.push(round);
          return Promise.resolve();
        },
      },
    );
    const generation = generationOf(['a']);
    a.say(welcome);
    await a.until('ready');
    a.say({ type: 'prepare', generation, purpose: 'change' });
    await a.until('prepared');
    a.say({ type: 'commit', generation, state, holders: ['h:1', 'h:2'] });
    await a.until('snapshot');
    while (a.trainer?.round !== 9) await turn();
    expect(asked).toEqual(['h:1', 'h:2']);
    expect(opened).toEqual([0, 5]);
    const rounds = a.sent.flatMap((m) => (m.type === 'round' ? [m.report.round] : []));
    expect(rounds).toEqual([6, 7, 8, 9]);
    expect(a.buckets).toContain('recover');
    a.say({ type: 'release', reason: 'done' });
    expect(await a.ended).toBe('released');
  });

  it('announces its last state when the run goes on from there, and holds it', async () => {
    const state: StateRef = { round: 9, hash: states[9]! };
    const bytes = Buffer.from(JSON.stringify({ ...state, best: 0 }));
    const a = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      { fetchState: () => Promise.resolve(bytes) },
    );
    a.say({ ...welcome, resume: state });
    await a.until('ready');
    a.say({ type: 'prepare', generation: generationOf(['a']), purpose: 'start' });
    await a.until('prepared');
    a.say(commitOf(generationOf(['a']), 9));
    await a.until('snapshot');
    expect(a.sent.filter(({ type }) => type === 'snapshot' || type === 'round')).toEqual([
      { type: 'snapshot', kind: 'final', state, epoch: 1 },
    ]);
    expect(Buffer.from((await a.session.heldState(state))!).toString()).toContain(state.hash);
    a.say({ type: 'acknowledge', kind: 'final', state });
    a.say({ type: 'release', reason: 'done' });
    expect(await a.ended).toBe('released');
  });

  it('announces a best state before it reports the round, and the final one after all reports', async () => {
    const a = new Played({ network: new MemoryNetwork(), name: 'a', slot: 0 });
    await started([a], generationOf(['a']));
    while (a.trainer?.round !== 9) await turn();
    const order = a.sent.flatMap((m) =>
      m.type === 'round'
        ? [`round ${m.report.round}`]
        : m.type === 'snapshot'
          ? [`${m.kind} ${m.state.round}`]
          : [],
    );
    const at4 = order.indexOf('round 4');
    expect(order.slice(at4 - 2, at4 + 1)).toEqual(['best 4', 'checkpoint 4', 'round 4']);
    expect(order.slice(-2)).toEqual(['round 9', 'final 9']);
    a.say({ type: 'release', reason: 'done' });
  });

  it('lets timers and messages in though nothing in its rounds waits', async () => {
    const long = { ...shape, epochs: 400 };
    let trainer: FakeTrainer | undefined;
    const a = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      {
        prepare: (_bundle, { timeline }) => {
          trainer = new FakeTrainer({
            ...{ shape: long, timeline },
            work: () => Promise.resolve(),
            move: () => Promise.resolve(),
            applying: (_round, sum) => sum,
            applied: () => undefined,
            restored: () => undefined,
          });
          const open = (): Promise<void> => Promise.resolve();
          return Promise.resolve({ trainer, run: '0123456789abcdef', open });
        },
      },
    );
    await started([a], generationOf(['a']));
    await new Promise((resolve) => setTimeout(resolve, 10));
    const { round } = trainer!;
    expect(round).toBeGreaterThan(0);
    expect(round).toBeLessThan(numRounds(long));
    a.say({ type: 'release', reason: 'enough' });
    expect(await a.ended).toBe('released');
  });

  it('gives up the round in which it is asked for a promise, and can give the state that it promised', async () => {
    let aborted = false;
    const a = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      {
        work: (round, signal) =>
          round < 3
            ? Promise.resolve()
            : new Promise((_, reject) => {
                signal.addEventListener('abort', () => {
                  aborted = true;
                  reject(FtctlError.from(signal.reason));
                });
              }),
      },
    );
    await started([a], generationOf(['a']));
    while (a.trainer?.round !== 2) await turn();
    a.sent.length = 0;
    a.say({ type: 'prepare', generation: generationOf(['a'], 2), purpose: 'stop' });
    await a.until('prepared');
    const state = { round: 2, hash: states[2]! };
    expect(aborted).toBe(true);
    expect(a.lastSaid).toEqual({
      type: 'prepared',
      generation: { term: 1, number: 2 },
      state,
    });
    expect(Buffer.from((await a.session.heldState(state))!).toString()).toContain(state.hash);
    await turn();
    expect(a.trainer.round).toBe(2);
    a.say({ type: 'release', reason: 'stopped' });
    expect(await a.ended).toBe('released');
  });

  it('ends and reports an update that has begun before it promises', async () => {
    let end: () => void = () => undefined;
    const a: Played = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      {
        move: () =>
          a.trainer?.round === 2
            ? new Promise((resolve) => {
                end = resolve;
              })
            : Promise.resolve(),
      },
    );
    await started([a], generationOf(['a']));
    while (a.trainer?.round !== 2) await turn();
    await turn();
    a.say({ type: 'prepare', generation: generationOf(['a'], 2), purpose: 'stop' });
    for (let i = 0; i < 5; i++) await turn();
    expect(a.lastSaid).not.toMatchObject({ type: 'prepared', generation: { number: 2 } });
    end();
    while (!(a.lastSaid?.type === 'prepared' && a.lastSaid.generation.number === 2)) await turn();
    expect(a.lastSaid).toMatchObject({ state: { round: 3, hash: states[3] } });
    const said = a.sent.filter(({ type }) => type !== 'stage');
    expect(said.at(-2)).toMatchObject({ type: 'round', report: { round: 3 } });
    a.say({ type: 'release', reason: 'stopped' });
    expect(await a.ended).toBe('released');
  });

  it('says that an update failed, also when it is asked for a promise meanwhile', async () => {
    let fail: (error: Error) => void = () => undefined;
    const a: Played = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      {
        move: () =>
          a.trainer?.round === 2
            ? new Promise((_, reject) => {
                fail = reject;
              })
            : Promise.resolve(),
      },
    );
    await started([a], generationOf(['a']));
    while (a.trainer?.round !== 2) await turn();
    await turn();
    a.say({ type: 'prepare', generation: generationOf(['a'], 2), purpose: 'stop' });
    fail(new FtctlError('FT_LOSS_NOT_FINITE', { what: 'The loss is NaN.' }));
    expect(await a.ended).toMatchObject({ code: 'FT_LOSS_NOT_FINITE', phase: 'update' });
    expect(a.lastSaid).toMatchObject({ type: 'failed' });
  });

  it('reports a lost peer, waits, and ends with what the coordinator says', async () => {
    const network = new MemoryNetwork();
    const a = new Played({ network, name: 'a', slot: 0 });
    const never = (): Promise<void> => new Promise(() => undefined);
    const b = new Played({ network, name: 'b', slot: 1 }, { work: never });
    await started([a, b], generationOf(['a', 'b']));
    await turn();
    network.changed('b');
    await a.until('peer-lost');
    expect(a.lastSaid).toMatchObject({ type: 'peer-lost', peer: 'b' });
    const error = { code: 'FT_WORKER_LOST', message: 'Gone.', remedy: 'Look.', rank: 1 } as const;
    a.say({ type: 'abort', error });
    const ended = await a.ended;
    expect(ended instanceof FtctlError && ended.toJSON()).toEqual(error);
    b.say({ type: 'release', reason: 'done' });
  });

  it('says what went wrong in its own rounds, with the phase, before it ends', async () => {
    const a = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      {
        work: () => Promise.reject(new FtctlError('FT_DATA_CHANGED', { what: 'A file is gone.' })),
      },
    );
    await started([a], generationOf(['a']));
    const ended = await a.ended;
    expect(ended).toMatchObject({ code: 'FT_DATA_CHANGED', phase: 'gradients' });
    expect(a.lastSaid).toMatchObject({
      type: 'failed',
      error: { code: 'FT_DATA_CHANGED', message: 'A file is gone.', phase: 'gradients' },
    });
    expect(a.trainer?.round).toBe(0);
  });

  it('says what went wrong while it started', async () => {
    const a = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      { prepare: () => Promise.reject(new Error('no such file')) },
    );
    a.say(welcome);
    expect(await a.ended).toMatchObject({ code: 'FT_INTERNAL', phase: 'starting' });
    expect(a.types().at(-1)).toBe('failed');
  });

  it('ends when the coordinator is lost', async () => {
    const a = new Played({ network: new MemoryNetwork(), name: 'a', slot: 0 });
    await started([a], generationOf(['a']));
    a.lose('reset');
    expect(await a.ended).toMatchObject({ code: 'FT_COORDINATOR_LOST' });
  });

  it('says what it is doing as a sign of life, and enters only buckets of the timeline', async () => {
    const never = (): Promise<void> => new Promise(() => undefined);
    const a = new Played(
      { network: new MemoryNetwork(), name: 'a', slot: 0 },
      { work: (round) => (round < 3 ? Promise.resolve() : never()) },
    );
    await started([a], generationOf(['a']));
    await new Promise((resolve) => setTimeout(resolve, 90));
    const signs = a.sent.filter((m) => m.type === 'stage' && m.stage === 'gradients');
    expect(signs.length).toBeGreaterThanOrEqual(2);
    expect(signs.at(-1)).toEqual({ type: 'stage', stage: 'gradients', round: 2 });
    expect(a.buckets.filter((bucket) => !timeBuckets.includes(bucket))).toEqual([]);
    expect(a.buckets.slice(0, 8)).toEqual([
      ...['idle', 'gradients', 'communicate', 'wait', 'update', 'checkpoint', 'idle'],
      'gradients',
    ]);
    a.say({ type: 'release', reason: 'enough' });
    expect(await a.ended).toBe('released');
  });
});
