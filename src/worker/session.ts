import { setImmediate } from 'node:timers/promises';
import type { PeerMessage } from '../collective/messages.js';
import { type ReducerOptions, RoundReducer } from '../collective/reducer.js';
import type { PeerTransport } from '../collective/transport.js';
import type { VectorPool } from '../collective/vector-pool.js';
import { FtctlError } from '../errors/index.js';
import type { Timeline } from '../metrics/timeline.js';
import type { ControlLink } from '../rpc/control-link.js';
import type {
  LocalReport,
  SnapshotKind,
  StateRef,
  WorkerMessage,
} from '../rpc/control-messages.js';
import type { Generation, GenerationId } from '../rpc/generation.js';
import type { RoundOutcome, Trainer } from '../train/trainer.js';
import type { Clock } from '../util/clock.js';
import { Exchange, type Reducer } from './exchange.js';
import { type FetchState, fetchFromAny } from './fetch-from-any.js';
import { HeldStates } from './held-states.js';
import { Reporter } from './reporter.js';
import { runRounds } from './rounds.js';
import {
  decide as decideSession,
  initialSession,
  type SessionEffect,
  type SessionEvent,
  type SessionState,
} from './session-core.js';

/** What a worker trains with. */
export interface PreparedTrainer {
  readonly trainer: Trainer;
  /** First 16 hex digits of SHA-256 of the run's id and manifest hash; see PeerMessage. */
  readonly run: string;
  /** Opens the phase of the state that the trainer is at, and warms it up: all that can be done before others wait for this worker. */
  readonly open: () => Promise<void>;
}

/** What the trainer's factory is given. */
export interface PrepareTools {
  /** Says what is being done, for people; also a sign of life. */
  readonly stage: (stage: string) => void;
  /** The step loop's timeline: what the trainer enters is also what the worker says it is doing. */
  readonly timeline: Timeline;
  /** Where long vectors go that nobody needs any more, and come from. */
  readonly pool: VectorPool;
  readonly signal: AbortSignal;
}

export interface SessionOptions {
  readonly hello: Omit<Extract<WorkerMessage, { type: 'hello' }>, 'type'>;
  readonly control: ControlLink;
  readonly transport: PeerTransport;
  readonly fetchState: FetchState;
  readonly prepare: (bundle: string, tools: PrepareTools) => Promise<PreparedTrainer>;
  readonly clock: Clock;
  readonly timeline: Timeline;
  readonly localReport: () => LocalReport;
  readonly limits: SessionLimits;
  /** Rounds of this generation begin. */
  readonly onGeneration?: (generation: Generation) => void;
  /** One line for the log, with where the worker is. */
  readonly log?: (line: string, place: { generation: GenerationId | null; round: number }) => void;
  /** Lets the event loop turn once. */
  readonly yieldToEventLoop?: () => Promise<unknown>;
  /** The decisions and the reducer; the simulator plants bugs here. */
  readonly decide?: typeof decideSession;
  readonly makeReducer?: (o: ReducerOptions) => Reducer;
}

export interface SessionLimits {
  /** A sign of life is sent at least this often, and four times in the coordinator's tolerance. */
  readonly heartbeatMs: number;
  /** A new stage is told, and waiting reports are sent, at most about this late. */
  readonly reportEveryMs: number;
}

export const defaultSessionLimits: SessionLimits = {
  heartbeatMs: 1000,
  reportEveryMs: 50,
};

/** The event loop turns at least this often during rounds. */
const breatheEveryMs = 5;

/**
 * One worker's part in a run: feeds what happens to `decide` and does what it says over the ports. `done` resolves
 * when the coordinator releases the worker and rejects with an FtctlError otherwise.
 */
export class Session {
  readonly done: Promise<void>;
  readonly #options: SessionOptions;
  readonly #self: string;
  readonly #held = new HeldStates();
  readonly #reporter: Reporter;
  readonly #timeline: Timeline;
  readonly #stop = new AbortController();
  #state: SessionState;
  #settle!: { resolve: () => void; reject: (error: FtctlError) => void };
  #prepared: PreparedTrainer | undefined;
  #exchange: Exchange | undefined;
  /** Messages that came while there was no exchange: of members that were committed before this one, or late ones. */
  #early: PeerMessage[] = [];
  #loop: { readonly left: Promise<void>; readonly leave: AbortController } | undefined;
  #opening: AbortController | undefined;
  #stage = 'starting';
  #told = { stage: '', round: -1, atMs: Number.NEGATIVE_INFINITY };
  #breathedMs = 0;
  /** As long as the coordinator has not said another: it does in its first message. */
  #toleranceMs = Number.POSITIVE_INFINITY;
  readonly #timers = new Set<() => void>();

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#self = options.hello.incarnation;
    this.#state = initialSession(this.#self);
    this.done = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.#timeline = {
      enter: (bucket) => {
        this.#stage = bucket;
        options.timeline.enter(bucket);
      },
    };
    this.#reporter = new Reporter({
      everyMs: options.limits.reportEveryMs,
      nowMs: () => options.clock.nowMs(),
      send: (report) => {
        options.control.send({ type: 'round', report });
      },
      local: options.localReport,
    });
    options.transport.onMessage((message) => {
      this.#receive(message);
    });
    options.transport.onLost((peer, cause) => {
      this.#on({ type: 'peer-lost', peer, cause });
    });
    options.control.onLost((cause) => {
      this.#on({ type: 'coordinator-lost', cause });
    });
    options.control.onMessage((message) => {
      this.#on({ type: 'message', message });
    });
    options.control.send({ type: 'hello', ...options.hello });
    this.#beat();
  }

  /** A copy of a state that this worker holds, for whoever fetches it; undefined where it holds none. */
  async heldState(state: StateRef): Promise<Uint8Array | undefined> {
    const held = this.#held.get(state);
    if (held !== undefined) return held;
    const trainer = this.#prepared?.trainer;
    if (trainer?.round !== state.round) return undefined;
    const snapshot = await trainer.snapshot();
    return snapshot.hash === state.hash ? snapshot.bytes : undefined;
  }

  /** Ends the session: the worker was told to exit by someone else than its coordinator. */
  fail(error: FtctlError): void {
    this.#trouble(error);
  }

  #on(event: SessionEvent): void {
    const { decide = decideSession, log } = this.#options;
    const { state, effects, outcome, reason } = decide(this.#state, event);
    this.#state = state;
    log?.(`${outcome}: ${reason}`, { generation: state.highest, round: this.#round });
    try {
      for (const effect of effects) this.#do(effect);
    } catch (error) {
      this.#trouble(error);
    }
  }

  /** Whatever fails behind the decisions' back is this worker's trouble, never an unhandled rejection. */
  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => {
      this.#trouble(error);
    });
  }

  #do(effect: SessionEffect): void {
    switch (effect.type) {
      case 'send':
        // Whatever is decided about this worker, what it has applied is known first.
        this.#reporter.flush();
        this.#options.control.send(effect.message);
        return;
      case 'build':
        this.#toleranceMs = effect.toleranceMs;
        this.#inBackground(this.#build(effect.bundle, effect.resume));
        return;
      case 'leave-loop':
        this.#inBackground(this.#leaveLoop(effect.generation));
        return;
      case 'open-streams':
        this.#inBackground(this.#openStreams(effect.generation));
        return;
      case 'fail-later':
        // Twice: the coordinator waits once before it judges, and it knows better who is to blame.
        this.#after(2 * this.#toleranceMs, () => {
          this.#on({ ...effect, type: 'still-failed' });
        });
        return;
      case 'catch-up':
        this.#catchUp(effect);
        return;
      case 'run-rounds':
        this.#runRounds(effect.generation);
        return;
      case 'drop-copy':
        this.#held.drop(effect.state, effect.kind);
        return;
      case 'end':
        this.#end(effect.error === null ? undefined : FtctlError.fromJSON(effect.error));
    }
  }

  async #build(bundle: string, resume: StateRef | null): Promise<void> {
    const { signal } = this.#stop;
    const stage = (name: string): void => {
      this.#stage = name;
      this.#tell();
    };
    const { pool } = this.#options.transport;
    const tools = { stage, timeline: this.#timeline, pool, signal };
    const prepared = await this.#options.prepare(bundle, tools);
    if (resume !== null) {
      stage('restore');
      const bytes = await this.#options.fetchState(resume, 'coordinator', signal);
      await prepared.trainer.restore({ ...resume, bytes });
    }
    stage('open');
    await prepared.open();
    const state = await prepared.trainer.stateRef();
    this.#prepared = prepared;
    this.#timeline.enter('idle');
    this.#stage = 'ready';
    this.#on({ type: 'built', state });
  }

  async #leaveLoop(generation: GenerationId): Promise<void> {
    this.#opening?.abort(interrupted());
    this.#loop?.leave.abort(interrupted());
    this.#closeExchange();
    await this.#loop?.left;
    const trainer = this.#prepared?.trainer;
    if (trainer === undefined) return;
    this.#on({ type: 'loop-left', generation, state: await trainer.stateRef() });
  }

  async #openStreams(generation: Generation): Promise<void> {
    this.#opening = new AbortController();
    const { signal } = this.#opening;
    this.#makeExchange(generation);
    try {
      await this.#options.transport.open(generation, this.#self, signal);
      this.#on({ type: 'streams-open', generation: generation.id });
    } catch (error) {
      if (signal.aborted) return;
      const json = FtctlError.from(error).toJSON();
      this.#on({ type: 'streams-failed', generation: generation.id, error: json });
    }
  }

  /** Members may be committed, and send, before this one is: their messages need the reducer from here on. */
  #makeExchange(generation: Generation): void {
    const { run } = this.#prepared!;
    const { makeReducer = newReducer, transport, yieldToEventLoop } = this.#options;
    this.#closeExchange();
    const early = this.#early;
    this.#early = [];
    const exchange = new Exchange({
      run,
      generation,
      reducer: makeReducer({ run, generation, self: this.#self, pool: transport.pool }),
      send: ({ toRank, message }) => {
        transport.send(toRank, message);
      },
      onFailed: (error) => {
        this.#trouble(error);
      },
      log: (line) => {
        this.#log(line);
      },
      ...(yieldToEventLoop === undefined ? {} : { yieldToEventLoop }),
    });
    this.#exchange = exchange;
    for (const message of early) exchange.receive(message);
  }

  #receive(message: PeerMessage): void {
    try {
      if (this.#exchange === undefined) this.#early.push(message);
      else this.#exchange.receive(message);
    } catch (error) {
      this.#trouble(error);
    }
  }

  /** A promise is near: nothing of the old generation is answered any more, what came of a newer one is kept. */
  #closeExchange(): void {
    this.#early.push(...(this.#exchange?.close() ?? []));
    this.#exchange = undefined;
  }

  /**
   * Goes on from another's state. Who holds it stays at it, as nobody ends the next round without this worker; and where it is gone, another
   * generation follows. A prepare ends the wait, but not a restoring that has begun.
   */
  #catchUp({ generation, state, holders }: Extract<SessionEffect, { type: 'catch-up' }>): void {
    const { fetchState, clock } = this.#options;
    const limitMs = this.#toleranceMs;
    const leave = new AbortController();
    const { signal } = leave;
    this.#timeline.enter('recover');
    const places = holders.length === 0 ? ['coordinator'] : holders;
    const work = async (): Promise<void> => {
      const bytes = await fetchFromAny(state, places, {
        ...{ fetchState, clock, limitMs, signal },
      });
      signal.throwIfAborted();
      const { trainer, open } = this.#prepared!;
      await trainer.restore({ ...state, bytes });
      await open();
    };
    const left = work().then(
      () => {
        this.#on({ type: 'caught-up', generation: generation.id });
      },
      (error: unknown) => {
        if (!signal.aborted) this.#trouble(error);
      },
    );
    this.#loop = { left, leave };
  }

  #runRounds(generation: Generation): void {
    const { trainer } = this.#prepared!;
    const shards = generation.members.find(({ incarnation }) => incarnation === this.#self)!;
    this.#options.onGeneration?.(generation);
    const leave = new AbortController();
    const rounds = {
      trainer,
      exchange: this.#exchange!,
      shards,
      timeline: this.#timeline,
      signal: leave.signal,
      applied: (outcome: RoundOutcome) => this.#applied(generation.id, outcome),
      breathe: () => this.#breathe(),
    };
    const loop = trainer.finished ? this.#announceEnd(trainer) : runRounds(rounds);
    const left = loop.then(
      () => {
        this.#timeline.enter('idle');
        this.#stage = 'finished';
        this.#on({ type: 'finished' });
      },
      (error: unknown) => {
        // What fails in an update that was to be ended before leaving is a failure all the same.
        const isLeaving = leave.signal.aborted && error === leave.signal.reason;
        // Before the bucket changes: the error names the stage that it came up in.
        if (!isLeaving) this.#trouble(error);
        this.#timeline.enter(isLeaving ? 'recover' : 'idle');
      },
    );
    this.#loop = { left, leave };
  }

  /** The order of the messages tells: a best state before the report of its round, the final one after all reports. */
  async #applied(generation: GenerationId, outcome: RoundOutcome): Promise<void> {
    const trainer = this.#prepared!.trainer;
    const kinds: SnapshotKind[] = [
      ...(outcome.isBest ? (['best'] as const) : []),
      ...(outcome.checkpointDue ? (['checkpoint'] as const) : []),
      ...(outcome.finished ? (['final'] as const) : []),
    ];
    const snapshot = kinds.length > 0 ? await trainer.snapshot() : undefined;
    if (this.#state.life.name === 'ended') return;
    if (snapshot !== undefined) {
      this.#reporter.flush();
      this.#held.keep(snapshot, kinds);
      for (const kind of kinds) {
        if (kind !== 'final') this.#announce(snapshot, kind, outcome.plan.epoch);
      }
    }
    this.#reporter.add(generation, outcome, trainer.ledger);
    if (snapshot !== undefined && outcome.finished) {
      this.#announce(snapshot, 'final', outcome.plan.epoch);
    }
  }

  /** The run goes on from its last state: no round will be applied, and the coordinator waits for its announcement. */
  async #announceEnd(trainer: Trainer): Promise<void> {
    const snapshot = await trainer.snapshot();
    if (this.#state.life.name === 'ended') return;
    this.#held.keep(snapshot, ['final']);
    this.#announce(snapshot, 'final', trainer.epoch);
  }

  #announce({ round, hash }: StateRef, kind: SnapshotKind, epoch: number): void {
    this.#options.control.send({ type: 'snapshot', state: { round, hash }, kind, epoch });
  }

  async #breathe(): Promise<void> {
    const nowMs = this.#options.clock.nowMs();
    if (nowMs - this.#breathedMs < breatheEveryMs) return;
    await (this.#options.yieldToEventLoop ?? setImmediate)();
    this.#breathedMs = this.#options.clock.nowMs();
  }

  /** Tells a new stage soon and any stage as a sign of life; sends reports that no later round has sent along. */
  #beat(): void {
    this.#after(this.#options.limits.reportEveryMs, () => {
      this.#beat();
      this.#reporter.flush();
      const heartbeatMs = Math.min(this.#options.limits.heartbeatMs, this.#toleranceMs / 4);
      const isDue = this.#options.clock.nowMs() - this.#told.atMs >= heartbeatMs;
      if (isDue || this.#stage !== this.#told.stage) this.#tell();
    });
  }

  #tell(): void {
    if (this.#state.life.name === 'ended') return;
    this.#told = { stage: this.#stage, round: this.#round, atMs: this.#options.clock.nowMs() };
    this.#options.control.send({ type: 'stage', stage: this.#stage, round: this.#round });
  }

  #trouble(error: unknown): void {
    const phase = this.#prepared === undefined ? 'starting' : this.#stage;
    this.#on({ type: 'trouble', error: FtctlError.from(error).at({ phase }).toJSON() });
  }

  #end(error: FtctlError | undefined): void {
    for (const cancel of this.#timers) cancel();
    const reason = error ?? interrupted();
    this.#stop.abort(reason);
    this.#opening?.abort(reason);
    this.#loop?.leave.abort(reason);
    this.#options.control.close();
    if (error === undefined) this.#settle.resolve();
    else this.#settle.reject(error);
  }

  get #round(): number {
    return this.#prepared?.trainer.round ?? 0;
  }

  #log(line: string): void {
    this.#options.log?.(line, { generation: this.#state.highest, round: this.#round });
  }

  #after(delayMs: number, callback: () => void): void {
    const cancel = this.#options.clock.setTimer(delayMs, () => {
      this.#timers.delete(cancel);
      callback();
    });
    this.#timers.add(cancel);
  }
}

function newReducer(o: ReducerOptions): Reducer {
  return new RoundReducer(o);
}

/** The reason of an abort that is no failure. */
function interrupted(): FtctlError {
  return new FtctlError('FT_INTERRUPTED', { what: 'The round was given up.' });
}
