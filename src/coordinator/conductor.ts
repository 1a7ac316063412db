import type { RunEventBody } from '../control/events.js';
import { FtctlError } from '../errors/index.js';
import type { ControlPlane } from '../rpc/control-link.js';
import type {
  RoundReport,
  SnapshotKind,
  StateRef,
  WorkerMessage,
} from '../rpc/control-messages.js';
import { formatGeneration } from '../rpc/generation.js';
import type { Clock } from '../util/clock.js';
import type { JournalRecord } from './journal-records.js';
import type { JournalWriter } from './journal.js';
import type { LedgerEntry } from './ledger.js';
import { decide as decideMembership, initialMembership } from './membership.js';
import type {
  MembershipEffect,
  MembershipEvent,
  MembershipOptions,
  MembershipState,
  RunEnd,
  WorkerRecord,
} from './membership-state.js';
import { RunNarrator, type NarratorOptions } from './run-narrator.js';
import { StoreQueue } from './store-queue.js';

/** Port: puts states on disk. */
export interface States {
  /**
   * Fetches a state from its holder and writes it durably; resolves with its path. Rejects with FT_DISK_FULL or
   * FT_NOT_WRITABLE for the disk, with anything else where the holder could not give it.
   */
  store(
    kind: SnapshotKind,
    state: StateRef,
    epoch: number,
    holder: StateHolder,
    signal: AbortSignal,
  ): Promise<string>;
}

/** A worker that holds a state, and the `host:port` that serves it. */
export interface StateHolder {
  readonly incarnation: string;
  readonly address: string;
}

export interface ConductorOptions {
  readonly membership: MembershipOptions;
  readonly plane: ControlPlane;
  readonly journal: JournalWriter;
  readonly states: States;
  readonly clock: Clock;
  readonly narrator: NarratorOptions;
  readonly emit: (event: RunEventBody) => void;
  /** Every report of every worker, for metrics. */
  readonly onReport?: (worker: { slot: number; rank: number }, report: RoundReport) => void;
  /** One line for the log; called when a decision's reason changes. */
  readonly log?: (line: string) => void;
  /** The decisions; the simulator plants bugs here. */
  readonly decide?: typeof decideMembership;
}

/** How the run ended, and what this life of the coordinator has trained. Failures are in `end`, never thrown. */
export interface RunOutcome {
  readonly end: RunEnd;
  readonly trained: { readonly samples: number; readonly seconds: number };
}

/** Ledger entries are written together after this long, and before anything that depends on them. */
const ledgerEveryMs = 500;
/** Watchers are told of a running worker's stage at most this often. */
const stageEveryMs = 500;

/**
 * Carries out the coordinator's decisions: feeds what happens to `decide`, one event at a time, and does what it
 * says over the ports. It decides nothing itself.
 */
export class Conductor {
  readonly outcome: Promise<RunOutcome>;
  readonly #options: ConductorOptions;
  readonly #narrator: RunNarrator;
  #state: MembershipState;
  #resolve!: (outcome: RunOutcome) => void;
  #entries: LedgerEntry[] = [];
  #lastReason = '';
  #cancelTick: () => void = () => undefined;
  #cancelLedger: (() => void) | undefined;
  /** Settles with everything that has been given to the journal. */
  #written: Promise<unknown> = Promise.resolve();
  readonly #cancelLooks: (() => void)[] = [];
  readonly #stores = new StoreQueue();
  /** What watchers were last told of each worker's stage. */
  readonly #told = new Map<string, { stage: string; life: WorkerRecord['life']; atMs: number }>();
  /** Events that came while one was being decided: effects may call back at once. */
  readonly #queue: MembershipEvent[] = [];
  #isDeciding = false;
  #isEnding = false;

  constructor(options: ConductorOptions) {
    this.#options = options;
    this.#narrator = new RunNarrator(options.narrator);
    this.#state = initialMembership(options.clock.nowMs(), options.membership);
    this.outcome = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    options.plane.onMessage((from, message) => {
      this.#onMessage(from, message);
    });
    options.plane.onLost((incarnation, cause) => {
      this.#on({ type: 'lost', incarnation, cause });
    });
    this.#tickLater();
  }

  /** What the coordinator knows now. */
  get state(): MembershipState {
    return this.#state;
  }

  /** Asks for the end of the run: at the next step with a checkpoint, or at once. */
  stop(mode: 'graceful' | 'now'): void {
    this.#on({ type: 'stop', mode });
  }

  /**
   * Resolves when the rounds that have been delivered are in the journal, durably. A state goes to disk after that: a run that goes on from
   * it, with this coordinator killed in between, has a ledger without a gap.
   */
  async writeLedger(): Promise<void> {
    await this.#write([]);
    await this.#written;
  }

  #tickLater(): void {
    const { clock, membership } = this.#options;
    this.#cancelTick = clock.setTimer(membership.limits.tickMs, () => {
      if (this.#state.phase.name === 'ended') return;
      this.#tickLater();
      this.#on({ type: 'tick' });
    });
  }

  #onMessage(from: string, message: WorkerMessage): void {
    this.#on({ type: 'message', from, message });
    const worker = this.#state.workers.get(from);
    if (worker === undefined || this.#state.phase.name === 'ended') return;
    if (message.type === 'snapshot' && message.kind === 'best') {
      this.#narrator.bestAt(message.state.round);
    }
    if (message.type === 'round') this.#onReport(from, worker.hello.slot, message.report);
    this.#tellStage(from, worker);
  }

  /** Every stage of a start; later on a sample: they change every few milliseconds. */
  #tellStage(from: string, { hello, stage, life }: WorkerRecord): void {
    const nowMs = this.#options.clock.nowMs();
    const told = this.#told.get(from);
    if (told?.stage === stage) return;
    const isRunning = told?.life === life && life !== 'starting';
    if (isRunning && nowMs - told.atMs < stageEveryMs) return;
    this.#told.set(from, { stage, life, atMs: nowMs });
    this.#options.emit({ type: 'worker-state', slot: hello.slot, stage });
  }

  #onReport(from: string, slot: number, report: RoundReport): void {
    const { clock, onReport } = this.#options;
    const rank = this.#state.committed?.members.find((m) => m.incarnation === from)?.rank ?? slot;
    onReport?.({ slot, rank }, report);
    this.#emitAll(this.#narrator.reported(clock.nowMs(), from, report));
  }

  #on(event: MembershipEvent): void {
    this.#queue.push(event);
    if (this.#isDeciding) return;
    this.#isDeciding = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      try {
        this.#decide(next);
      } catch (error) {
        this.#onBug(error);
      }
    }
    this.#isDeciding = false;
  }

  /** A port threw, or a decision: the run fails, and is never left without an outcome. */
  #onBug(thrown: unknown): void {
    const error = FtctlError.from(thrown).toJSON();
    if (this.#state.phase.name === 'ended') void this.#end({ status: 'failed', error });
    else this.#queue.unshift({ type: 'trouble', error });
  }

  #decide(event: MembershipEvent): void {
    const { clock, membership, log, decide = decideMembership } = this.#options;
    const { state, effects, outcome, reason } = decide(
      clock.nowMs(),
      this.#state,
      event,
      membership,
    );
    this.#state = state;
    if (reason !== this.#lastReason && !routine.has(outcome)) log?.(`${outcome}: ${reason}`);
    this.#lastReason = reason;
    for (const effect of effects) this.#do(effect, event);
  }

  #do(effect: MembershipEffect, event: MembershipEvent): void {
    const { plane, emit, clock } = this.#options;
    switch (effect.type) {
      case 'send':
        plane.send(effect.to, effect.message);
        return;
      case 'close':
        plane.close(effect.incarnation);
        return;
      case 'joined': {
        const { slot, incarnation, pid, host } = effect.hello;
        emit({ type: 'worker-joined', slot, incarnation, pid, host });
        return;
      }
      case 'worker-lost':
        emit({ type: 'worker-lost', slot: effect.slot, cause: effect.cause });
        return;
      case 'record-generation':
        this.#recordGeneration(effect);
        return;
      case 'record-round': {
        this.#entries.push(effect.entry);
        this.#cancelLedger ??= clock.setTimer(ledgerEveryMs, () => {
          this.#write([]).catch(() => undefined);
        });
        const rate =
          event.type === 'message' && event.message.type === 'round'
            ? event.message.report.learningRate
            : 0;
        this.#emitAll(this.#narrator.first(clock.nowMs(), effect.entry, rate));
        return;
      }
      case 'store':
        this.#store(effect);
        return;
      case 'give-up':
        this.#stores.pass(effect);
        return;
      case 'look-again':
        // A timer of Node's may fire a fraction of a millisecond early, and the deadline not be due then.
        this.#cancelLooks.push(
          clock.setTimer(effect.inMs + 1, () => {
            this.#on({ type: 'tick' });
          }),
        );
        return;
      case 'end':
        void this.#end(effect.end);
    }
  }

  #recordGeneration(effect: Extract<MembershipEffect, { type: 'record-generation' }>): void {
    const { generation, round, reason } = effect;
    this.#write([{ type: 'generation', generation, round, reason }]).then(
      () => {
        const { length } = generation.members;
        this.#emitAll(this.#narrator.began(this.#options.clock.nowMs(), length));
        this.#options.emit({
          type: 'generation',
          generation: formatGeneration(generation.id),
          members: generation.members.map(({ incarnation, rank, firstShard, numShards }) => ({
            ...{ rank, slot: this.#state.workers.get(incarnation)?.hello.slot ?? rank },
            ...{ firstShard, numShards },
          })),
          ...{ round, reason },
        });
        this.#on({ type: 'recorded', generation: generation.id });
      },
      () => undefined,
    );
  }

  #store({ kind, state, epoch, holder }: Extract<MembershipEffect, { type: 'store' }>): void {
    const address = this.#state.workers.get(holder)?.hello.address ?? '';
    const from = { incarnation: holder, address };
    this.#stores.add({ kind, state }, async (signal) => {
      const isGivenUp = (): boolean => signal.aborted;
      if (isGivenUp()) return;
      try {
        const path = await this.#options.states.store(kind, state, epoch, from, signal);
        if (isGivenUp()) return;
        await this.#write([{ type: 'checkpoint', kind, state, epoch, path }]);
        this.#options.emit({ type: 'checkpoint', kind, round: state.round, epoch, path });
        this.#on({ type: 'stored', kind, state, path });
      } catch (error) {
        if (isGivenUp()) return;
        const json = FtctlError.from(error).toJSON();
        this.#on({ type: 'not-stored', kind, state, holder, error: json });
      }
    });
  }

  /** Writes what is left of the ledger, then the records; the run fails where that cannot be done. */
  async #write(records: readonly JournalRecord[]): Promise<void> {
    this.#cancelLedger?.();
    this.#cancelLedger = undefined;
    const entries = this.#entries;
    this.#entries = [];
    const all: JournalRecord[] = [
      ...(entries.length === 0 ? [] : [{ type: 'rounds', entries } as const]),
      ...records,
    ];
    try {
      const written = Promise.all(all.map((record) => this.#options.journal.append(record)));
      this.#written = Promise.allSettled([this.#written, written]);
      await written;
    } catch (error) {
      this.#on({ type: 'trouble', error: FtctlError.from(error).toJSON() });
      throw error;
    }
  }

  async #end(end: RunEnd): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.#cancelTick();
    for (const cancel of this.#cancelLooks) cancel();
    this.#stores.abortAll();
    await this.#settleStores();
    this.#emitAll(this.#narrator.ended(this.#options.clock.nowMs()));
    const state = end.status === 'failed' ? null : (end.final?.state ?? null);
    const code = end.status === 'failed' ? end.error.code : null;
    await this.#write([{ type: 'end', status: end.status, state, code }]).catch(() => undefined);
    this.#resolve({ end, trained: this.#narrator.trained });
  }

  /** A write that has begun ends, so that no temporary file stays; a holder that never answers is not waited for. */
  async #settleStores(): Promise<void> {
    const settled = this.#stores.settled();
    if (settled === undefined) return;
    const { clock, membership } = this.#options;
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimer(membership.limits.toleranceMs, resolve);
      void settled.then(() => {
        cancel();
        resolve();
      });
    });
  }

  #emitAll(events: readonly RunEventBody[]): void {
    for (const event of events) this.#options.emit(event);
  }
}

/** Outcomes that are no news. */
const routine: ReadonlySet<string> = new Set(['tick', 'stage', 'round', 'again', 'ignored']);
