import type { RunEvent } from '../control/events.js';
import { FtctlError, type FtctlErrorJson } from '../errors/index.js';
import type { Clock } from '../util/clock.js';
import type { Log } from '../util/log.js';
import { sentenceCase } from '../util/sentence-case.js';
import { ProcessTable } from './process-table.js';
import { Restarts } from './restarts.js';
import { lostCodes, type RunFacts } from './run-facts.js';
import { advance, hasBegun, noProgress, type RunProgress } from './run-progress.js';
import type { SupervisionLimits } from './supervision-limits.js';
import type { Target } from './target.js';
import { deferred, Waits } from './waits.js';

/** The launcher's end of the coordinator's service; `rpc/coordinator-client.ts` has it. */
export interface CoordinatorLink {
  /** Resolves when the coordinator ends the stream; rejects when it breaks. */
  watch(onEvent: (event: RunEvent) => void, signal: AbortSignal): Promise<void>;
  stop(mode: 'graceful' | 'now'): Promise<void>;
  close(): Promise<void>;
}

export interface SupervisorOptions {
  readonly target: Target;
  readonly numWorkers: number;
  readonly connect: (address: string) => CoordinatorLink;
  /** Stop in order. */
  readonly signal?: AbortSignal | undefined;
  /** Stop now. */
  readonly killSignal?: AbortSignal | undefined;
  readonly onEvent: (event: RunEvent) => void;
  readonly clock: Clock;
  readonly limits: SupervisionLimits;
  readonly log: Log;
}

/** How the run's end is brought about: processes may end by themselves for `graceMs`, then they are made to. */
interface Ending {
  readonly graceMs: number;
  readonly reason: string;
}

/** The newest process of a slot. */
interface Worker {
  readonly pid: number | undefined;
  /** Started in the place of one that had ended. */
  readonly isReplacement: boolean;
  hasJoined: boolean;
  /** The coordinator has given it up. */
  isLost: boolean;
}

/**
 * Runs the processes of one run, from the first start until none is left, and gives what it saw. It never rejects for
 * what a process does, and never waits without a limit. Whatever happens leads to `#end`, once; the first reason
 * counts.
 */
export class Supervisor {
  readonly #o: SupervisorOptions;
  readonly #processes: ProcessTable;
  readonly #waits: Waits;
  readonly #watching = new AbortController();
  readonly #killed = deferred<undefined>();
  readonly #ending = deferred<Ending>();
  #link: CoordinatorLink | undefined;
  #watch: Promise<void> = Promise.resolve();
  #progress: RunProgress = noProgress;
  #result: RunFacts['result'] = null;
  #failure: FtctlErrorJson | null = null;
  #watchError: FtctlErrorJson | null = null;
  #limit: string | null = null;
  #interrupted: RunFacts['interrupted'] = null;
  readonly #restarts: Restarts;
  /** By slot. */
  readonly #workers = new Map<number, Worker>();
  /** The worker that is not started again any more, for which the run ends. */
  #givenUp: RunFacts['givenUp'] = null;
  #isEnding = false;
  /** The coordinator's `host:port`. */
  #address = '';
  #numWorkersEnded = 0;
  /** The processes that are left are being made to end: what they say of it is this launcher's own doing. */
  #isTerminating = false;
  #handlerFailed = false;

  constructor(options: SupervisorOptions) {
    this.#o = options;
    this.#waits = new Waits(options.clock);
    this.#processes = new ProcessTable(options);
    this.#restarts = new Restarts(options.limits.restarts);
  }

  /** Call once. */
  async run(): Promise<RunFacts> {
    const unlisten = [
      onAbort(this.#o.signal, () => {
        this.#stopInOrder();
      }),
      onAbort(this.#o.killSignal, () => {
        this.#stopNow();
      }),
    ];
    try {
      this.#startCoordinator();
      const { graceMs, reason } = await this.#ending.promise;
      this.#o.log.info(`The run is ending: ${reason}.`);
      for (const [slot, { isReplacement, hasJoined }] of this.#workers) {
        // There is nothing left for it to join.
        if (isReplacement && !hasJoined) this.#processes.askToEnd(slot);
      }
      if (graceMs > 0) {
        const limit = this.#waits.sleep(graceMs);
        await Promise.race([this.#processes.allEnded(), limit, this.#killed.promise]);
      }
      this.#isTerminating = true;
      await this.#processes.terminate();
      await this.#settle(this.#watch);
      return await this.#facts();
    } finally {
      for (const remove of unlisten) remove();
      this.#waits.cancelAll();
      this.#watching.abort();
      await this.#link?.close();
      await this.#processes.terminate();
    }
  }

  #startCoordinator(): void {
    if (this.#interrupted !== null) return;
    const { limits, target } = this.#o;
    const { name } = this.#processes.add({ role: 'coordinator' }, target.startCoordinator(), {
      onListening: (address) => {
        this.#coordinatorListens(address);
      },
      onEnded: () => void this.#coordinatorEnded(),
    });
    this.#expect('listen', limits.listenMs, `${name} did not listen`);
  }

  #coordinatorListens(address: string): void {
    if (this.#link !== undefined || this.#interrupted !== null) return;
    this.#waits.cancel('listen');
    this.#address = address;
    const link = this.#o.connect(address);
    this.#link = link;
    this.#watch = link
      .watch((event) => {
        this.#take(event);
      }, this.#watching.signal)
      .then(
        () => {
          this.#end(this.#o.limits.exitMs, 'the coordinator has ended its events');
        },
        (error: unknown) => {
          this.#watchError = FtctlError.from(error).toJSON();
          // Most often the process is gone too, and its exit says more.
          this.#end(this.#o.limits.settleMs, 'the connection to the coordinator broke');
        },
      );
    for (let slot = 0; slot < this.#o.numWorkers; slot += 1)
      this.#startWorker(slot, { isReplacement: false });
  }

  #startWorker(slot: number, { isReplacement }: Pick<Worker, 'isReplacement'>): void {
    let process;
    try {
      process = this.#o.target.startWorker(slot, this.#address);
    } catch (error) {
      this.#failure ??= FtctlError.from(error).at({ rank: slot, phase: 'start' }).toJSON();
      this.#end(0, `worker ${String(slot)} could not be started`);
      return;
    }
    const worker = { pid: process.pid, isReplacement, hasJoined: false, isLost: false };
    this.#workers.set(slot, worker);
    this.#processes.add({ role: 'worker', slot }, process, {
      onEnded: (isClean) => {
        this.#workerEnded(slot, worker, isClean);
      },
    });
    const { joinMs } = this.#o.limits;
    if (isReplacement) {
      this.#waits.start(joinOf(slot), joinMs, () => {
        this.#processes.killOverdue(slot);
      });
    } else {
      this.#expect(joinOf(slot), joinMs, `worker ${String(slot)} did not join the run`);
    }
  }

  #take(event: RunEvent): void {
    this.#progress = advance(this.#progress, event);
    this.#restarts.onEvent(this.#o.clock.nowMs(), event);
    if (event.type === 'worker-joined') this.#workerJoined(event);
    if (event.type === 'worker-lost' && hasBegun(this.#progress)) this.#workerLost(event.slot);
    if (event.type === 'generation') this.#waits.cancel('verdict');
    // What the coordinator says as this launcher kills the processes is no news, unless it had come to an end.
    const isKilling = this.#interrupted === 'now';
    if (event.type === 'run-finished') this.#result = event.result;
    if (event.type === 'run-stopped' && this.#isOwnEnd(event)) this.#result = event.result;
    if (event.type === 'run-failed' && !isKilling) {
      this.#failure ??= event.error;
      this.#endFrozen(event.error);
    }
    this.#waits.restart('stop');
    this.#waits.restart('last worker');
    if (event.type === 'preparing') this.#waits.restart('join ');
    if (event.type === 'worker-lost' && (isKilling || this.#isTerminating)) return;
    try {
      this.#o.onEvent(event);
    } catch (error) {
      // A broken display must not end a run that goes well.
      if (!this.#handlerFailed) this.#o.log.error('An event handler failed.', { error });
      this.#handlerFailed = true;
    }
  }

  /** A coordinator that this launcher ends, because of something else, says that it was stopped, too. */
  #isOwnEnd({ checkpoint }: Extract<RunEvent, { type: 'run-stopped' }>): boolean {
    if (this.#givenUp !== null) return false;
    if (this.#interrupted === 'now') return checkpoint !== null;
    return this.#interrupted !== null || !this.#isTerminating;
  }

  /** Events come late: the process that has joined may have ended, and another one have been started in its slot. */
  #workerJoined({ slot, pid }: Extract<RunEvent, { type: 'worker-joined' }>): void {
    const worker = this.#workers.get(slot);
    if (worker?.pid !== pid) return;
    worker.hasJoined = true;
    this.#waits.cancel(joinOf(slot));
  }

  /** The coordinator has given up the worker that had joined last in this slot, and the others go on without it. */
  #workerLost(slot: number): void {
    this.#waits.cancel('verdict');
    const worker = this.#workers.get(slot);
    if (worker?.hasJoined !== true) return;
    worker.isLost = true;
    this.#endLost(slot);
  }

  /** A worker that the coordinator lost may be stopped, or hang: then it will not end by itself, and is not waited for. */
  #endLost(slot: number): void {
    const { settleMs, exitMs } = this.#o.limits;
    void this.#processes.endLost(slot, {
      frozen: this.#waits.sleep(settleMs),
      overdue: this.#waits.sleep(exitMs),
    });
  }

  /** The run fails for a worker. */
  #endFrozen({ code, rank }: FtctlErrorJson): void {
    if (!lostCodes.has(code) || rank === undefined) return;
    const member = [...this.#progress.ranks].find(([, each]) => each === rank);
    this.#endLost(member === undefined ? rank : member[0]);
  }

  async #coordinatorEnded(): Promise<void> {
    await this.#settle(this.#watch); // its last events may still be on their way
    const isOver = this.#result !== null || this.#failure !== null;
    const { exitMs, settleMs } = this.#o.limits;
    this.#end(isOver ? exitMs : settleMs, 'the coordinator has ended');
  }

  /** Rounds have begun, nobody has asked for an end, and nothing has brought it about. */
  #isGoingOn(): boolean {
    const isOver = this.#result !== null || this.#failure !== null || this.#isEnding;
    return (
      hasBegun(this.#progress) && !isOver && this.#interrupted === null && this.#givenUp === null
    );
  }

  /** The others go on without it meanwhile. */
  #restart(slot: number, { hasJoined, isLost }: Worker): void {
    const { clock, limits, log } = this.#o;
    const delayMs = this.#restarts.afterEnd(clock.nowMs(), slot);
    if (delayMs === null) {
      this.#giveUp(slot);
      return;
    }
    log.info(`Worker ${String(slot)} is started again.`, { delayMs });
    if (hasJoined && !isLost) {
      const what = `the coordinator did not notice that worker ${String(slot)} had ended`;
      this.#expect('verdict', limits.verdictMs, what);
    }
    void this.#waits.sleep(delayMs).then(() => {
      if (this.#isGoingOn()) this.#startWorker(slot, { isReplacement: true });
    });
  }

  /** Ends the run for a worker that never lasts; what those who are left have done is kept. */
  #giveUp(slot: number): void {
    this.#givenUp = slot;
    this.#o.log.error(`Worker ${String(slot)} is not started again: the run does not get on.`);
    this.#askToStop();
  }

  #workerEnded(slot: number, worker: Worker, isClean: boolean): void {
    this.#waits.cancel(joinOf(slot));
    if (!isClean && this.#isGoingOn()) {
      this.#restart(slot, worker);
      return;
    }
    const name = `worker ${String(slot)}`;
    this.#numWorkersEnded += 1;
    if (!this.#progress.joined.has(slot)) {
      this.#end(this.#o.limits.settleMs, `${name} ended before it joined`);
    } else if (!isClean) {
      const what = `the coordinator did not end the run after ${name} had ended`;
      if (!worker.isLost) this.#expect('verdict', this.#o.limits.verdictMs, what);
    } else if (this.#numWorkersEnded === this.#o.numWorkers) {
      const what = 'the coordinator did not go on after the last worker had ended';
      this.#expect('last worker', this.#o.limits.verdictMs, what);
    }
  }

  #stopInOrder(): void {
    if (this.#interrupted !== null) return;
    this.#interrupted = 'graceful';
    if (this.#link === undefined) this.#end(0, 'asked to stop before anything was done');
    else this.#askToStop();
  }

  #askToStop(): void {
    this.#expect('stop', this.#o.limits.stopMs, 'the run did not get on with its stop');
    this.#link?.stop('graceful').catch((error: unknown) => {
      // It may be ending at this very moment: then its end settles it.
      this.#o.log.warn('The coordinator did not take the stop.', { error });
      this.#end(this.#o.limits.settleMs, 'the coordinator did not take the stop');
    });
  }

  #stopNow(): void {
    if (this.#interrupted === 'now') return;
    if (this.#failure === null) this.#interrupted = 'now';
    this.#killed.resolve(undefined);
    this.#end(0, 'asked to stop now');
  }

  #expect(name: string, limitMs: number, what: string): void {
    this.#waits.start(name, limitMs, () => {
      this.#limit ??= `${sentenceCase(what)} within ${String(limitMs / 1000)} s.`;
      this.#end(0, `a wait ran out (${name})`);
    });
  }

  #end(graceMs: number, reason: string): void {
    this.#isEnding = true;
    this.#ending.resolve({ graceMs, reason });
  }

  async #settle(promise: Promise<unknown>): Promise<void> {
    await Promise.race([promise, this.#waits.sleep(this.#o.limits.settleMs)]);
  }

  async #facts(): Promise<RunFacts> {
    return {
      result: this.#result,
      failure: this.#failure,
      ended: await this.#processes.ended(),
      watchError: this.#watchError,
      limit: this.#limit,
      interrupted: this.#interrupted,
      givenUp: this.#givenUp,
      progress: this.#progress,
    };
  }
}

function onAbort(signal: AbortSignal | undefined, handler: () => void): () => void {
  if (signal === undefined) return () => undefined;
  if (signal.aborted) handler();
  signal.addEventListener('abort', handler, { once: true });
  return () => {
    signal.removeEventListener('abort', handler);
  };
}

function joinOf(slot: number): string {
  return `join ${String(slot)}`;
}
