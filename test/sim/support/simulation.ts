import { RoundReducer } from '../../../src/collective/reducer.js';
import { Conductor, type RunOutcome, type States } from '../../../src/coordinator/conductor.js';
import type { JournalRecord } from '../../../src/coordinator/journal-records.js';
import type { JournalWriter } from '../../../src/coordinator/journal.js';
import type { RunEventBody } from '../../../src/control/events.js';
import { FtctlError } from '../../../src/errors/index.js';
import { noTimeline } from '../../../src/metrics/timeline.js';
import type { StateRef } from '../../../src/rpc/control-messages.js';
import { Session } from '../../../src/worker/session.js';
import { Invariants } from './checks.js';
import { FakeTrainer, narrated } from './fake-trainer.js';
import type { Fault, Moment } from './faults.js';
import {
  type History,
  type SessionEnd,
  nothingDone,
  simulatedLimits,
  type SimulationOptions,
} from './history.js';
import { ControlNetwork, PeerNetwork } from './network.js';
import { Process, World } from './world.js';

/** Virtual time after which nothing may be left to happen. */
const endMs = 20_000;

/** Plays one history: the real conductor and the real sessions, on simulated time, network and disk. */
export async function simulate(options: SimulationOptions): Promise<History> {
  return new Simulation(options).play();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #world: World;
  readonly #invariants: Invariants;
  readonly #coordinator = new Process('coordinator');
  /** The last one in each slot. */
  readonly #workers: Process[];
  readonly #numStarted: number[];
  readonly #control: ControlNetwork;
  readonly #peers: PeerNetwork;
  readonly #sessions = new Map<string, Session>();
  readonly #ends: SessionEnd[];
  readonly #stored = new Map<string, StateRef>();
  readonly #storedBytes = new Map<string, Uint8Array>();
  /** Processes by incarnation and by address. */
  readonly #processes = new Map<string, Process>();
  readonly #journal: JournalRecord[] = [];
  readonly #events: RunEventBody[] = [];
  #conductor!: Conductor;
  #outcome: RunOutcome | undefined;
  #endedAtMs: number | undefined;
  #killedAtMs: number | undefined;
  #stopAskedAtMs: number | undefined;
  #stopAskedAtRound: number | undefined;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#world = new World(options.seed, { keepTrace: options.keepTrace ?? false });
    this.#invariants = new Invariants(options.shape, options.resume?.state.round ?? 0);
    this.#control = new ControlNetwork(this.#world, this.#coordinator);
    this.#peers = new PeerNetwork(this.#world);
    this.#workers = Array.from({ length: options.numWorkers }, (_, i) => new Process(nameOf(i)));
    this.#ends = this.#workers.map(() => 'running');
    this.#numStarted = this.#workers.map(() => 1);
    this.#control.onSent = (worker, message) => {
      this.#invariants.control(worker, message);
    };
    this.#peers.onSent = (from, message) => {
      this.#invariants.peer(from, message);
    };
  }

  async play(): Promise<History> {
    this.#startCoordinator();
    this.#workers.forEach((process, slot) => {
      this.#world.schedule(process, this.#world.random.between(0, 30), () => {
        this.#startWorker(slot);
      });
    });
    for (const fault of this.#options.faults) this.#plan(fault);
    await this.#world.run(endMs);
    return {
      options: this.#options,
      outcome: this.#outcome,
      endedAtMs: this.#endedAtMs,
      sessions: this.#ends,
      rounds: this.#workers.map(({ name }) => this.#invariants.rounds.get(name) ?? 0),
      incarnations: this.#workers.map(({ name }) => name),
      numStarted: this.#numStarted,
      stored: this.#stored,
      journal: this.#journal,
      events: this.#events,
      violations: this.#invariants.violations,
      isHung: this.#isWaiting(),
      killedAtMs: this.#killedAtMs,
      stopAskedAtMs: this.#stopAskedAtMs,
      stopAskedAtRound: this.#stopAskedAtRound,
      numDeliveries: this.#world.numDeliveries,
      traceHash: this.#world.traceHash,
      trace: this.#world.trace,
    };
  }

  #isWaiting(): boolean {
    const isCoordinatorWaiting = this.#coordinator.isAlive && this.#outcome === undefined;
    const isWorkerWaiting = this.#workers.some(
      ({ isAlive, isStopped }, slot) => isAlive && !isStopped && this.#ends[slot] === 'running',
    );
    return isCoordinatorWaiting || isWorkerWaiting;
  }

  #startCoordinator(): void {
    const { numWorkers, shape, resume } = this.#options;
    this.#conductor = new Conductor({
      membership: {
        term: 1,
        count: numWorkers,
        numShards: shape.numShards,
        twoHopFromElements: this.#options.twoHopFromElements ?? 1000,
        bundle: 'the bundle',
        ...{ resume: resume ?? null, earlierLedger: new Map(), limits: simulatedLimits },
      },
      plane: this.#control,
      journal: this.#journalWriter(),
      states: this.#states(),
      clock: this.#world.clockOf(this.#coordinator),
      narrator: narrated(shape),
      emit: (event) => {
        this.#events.push(event);
        if (event.type === 'worker-lost') this.#killLater(event.slot);
      },
      ...(this.#options.decideMembership === undefined
        ? {}
        : { decide: this.#options.decideMembership }),
    });
    void this.#conductor.outcome.then((outcome) => {
      if (!this.#coordinator.isAlive) return;
      this.#outcome = outcome;
      this.#endedAtMs = this.#world.nowMs;
      this.#world.note(`the run ends: ${outcome.end.status}`);
      this.#world.schedule(this.#coordinator, this.#world.random.between(0, 5), () => {
        this.#exit(this.#coordinator, false);
      });
    });
  }

  /** As the launcher does with a worker that the coordinator has given up, and that does not end by itself. */
  #killLater(slot: number): void {
    const process = this.#workers[slot]!;
    this.#world.schedule(null, 40, () => {
      this.#exit(process, true);
    });
  }

  /** As the launcher does with a worker that is gone, while there is a run. */
  #respawnLater(process: Process): void {
    const slot = this.#workers.indexOf(process);
    const isReleased = this.#ends[slot] === 'released';
    if (slot < 0 || isReleased || this.#options.respawn === false) return;
    this.#world.schedule(null, this.#world.random.between(5, 60), () => {
      if (this.#outcome !== undefined || !this.#coordinator.isAlive) return;
      this.#numStarted[slot]! += 1;
      this.#workers[slot] = new Process(`${nameOf(slot)}.${this.#numStarted[slot]!}`);
      this.#ends[slot] = 'running';
      this.#startWorker(slot);
    });
  }

  #startWorker(slot: number): void {
    const process = this.#workers[slot]!;
    const { shape, resume, bucketElements = 1000 } = this.#options;
    const isFirst = this.#numStarted[slot] === 1;
    // What is wrong with a machine's first worker is right with the next one.
    const faults = this.#options.faults.filter((f) => isFirst || !('who' in f));
    const address = `host:${7000 + 100 * this.#numStarted[slot]! + slot}`;
    this.#processes.set(process.name, process).set(address, process);
    const isOther = faults.some((f) => f.type === 'other-fingerprint' && f.who === slot);
    const clock = this.#world.clockOf(process);
    const link = this.#control.link(process.name, process);
    const session = new Session({
      hello: {
        incarnation: process.name,
        slot,
        pid: 100 + slot,
        host: 'host',
        address,
        metricsAddress: '',
        fingerprint: JSON.stringify({ engine: isOther ? '1.31' : '1.30', cpu: 'avx2' }),
        probe: 'probe',
      },
      control: {
        ...link,
        onMessage: (handler) => {
          link.onMessage((message) => {
            if (message.type === 'commit') {
              this.#invariants.commitArrives(process.name, message.generation.id);
            }
            handler(message);
          });
        },
      },
      transport: this.#peers.transport(process.name, process),
      fetchState: async (state, holder, signal) => {
        if (holder !== 'coordinator') {
          return this.#fetch(process, this.#processes.get(holder)!, state, signal);
        }
        await this.#wait(process, 3, signal);
        const bytes = state.hash === resume?.state.hash ? resume.bytes : undefined;
        return bytes ?? this.#storedBytes.get(state.hash)!;
      },
      prepare: async (_bundle, tools) => {
        tools.stage('model');
        await this.#wait(process, this.#world.random.between(1, 30), tools.signal);
        const trainer = new FakeTrainer({
          shape,
          timeline: tools.timeline,
          work: (round, signal) => this.#work(process, faults, round, signal),
          move: () => this.#move(process),
          applying: (round, sum) => this.#applying(process, faults, round, sum),
          restored: (round) => {
            this.#world.note(`${process.name} goes on from ${round}`);
            this.#invariants.restored(process.name, round);
          },
          applied: (round, state) => {
            const { faults: all } = this.#options;
            if (all.some((f) => f.type === 'flip' && f.round <= round)) {
              this.#invariants.forgetState(round);
            }
            this.#world.note(`${process.name} applies ${round}`);
            this.#invariants.applied(process.name, round, state);
          },
        });
        return { trainer, run: 'run', open: () => Promise.resolve() };
      },
      clock,
      timeline: noTimeline,
      localReport: () => nothingDone,
      limits: {
        heartbeatMs: simulatedLimits.heartbeatMs,
        reportEveryMs: 20,
      },
      // What is cut in pieces takes its time: other things happen in between.
      yieldToEventLoop: () => this.#wait(process, this.#world.random.between(0.05, 0.5)),
      makeReducer: (o) => new RoundReducer({ ...o, bucketElements }),
      ...this.#options.session,
    });
    this.#sessions.set(process.name, session);
    const ended = (end: SessionEnd): void => {
      if (!process.isAlive) return;
      if (this.#workers[slot] === process) this.#ends[slot] = end;
      this.#world.note(`${process.name} ends: ${end instanceof FtctlError ? end.code : end}`);
      if (end === 'released') this.#checkRelease(process.name);
      this.#world.schedule(process, this.#world.random.between(0, 5), () => {
        this.#exit(process, false);
      });
    };
    session.done.then(
      () => {
        ended('released');
      },
      (error: unknown) => {
        ended(FtctlError.from(error));
      },
    );
  }

  /** Nobody exits in good order before the coordinator has what the run ends with. */
  #checkRelease(who: string): void {
    const wasStoppedAtOnce = this.#options.faults.some(
      (f) => f.type === 'stop-request' && f.mode === 'now',
    );
    const isSafe = this.#stored.has('final') || this.#stored.has('checkpoint');
    // Who has no state of the run has none to lose.
    if (!this.#invariants.rounds.has(who)) return;
    if (this.#invariants.hasCommitted && !isSafe && !wasStoppedAtOnce) {
      this.#invariants.broken(`${who} is released before a state is stored`);
    }
  }

  async #work(
    process: Process,
    faults: readonly Fault[],
    round: number,
    signal: AbortSignal,
  ): Promise<void> {
    const slot = this.#workers.indexOf(process);
    const slow = faults.find((f) => f.type === 'slow' && f.who === slot);
    const factor = slow?.type === 'slow' ? slow.factor : 1;
    await this.#wait(process, factor * this.#world.random.between(0.5, 8), signal);
    if (faults.some((f) => f.type === 'throw' && f.who === slot && f.round === round)) {
      throw new FtctlError('FT_ENGINE_UNAVAILABLE', { what: 'The engine broke.' });
    }
  }

  /** Most states are small; some take a while. */
  async #move(process: Process): Promise<void> {
    if (this.#world.random.between(0, 1) < 0.5) return;
    await this.#wait(process, this.#world.random.between(0.1, 4));
  }

  #applying(
    process: Process,
    faults: readonly Fault[],
    round: number,
    sum: Float32Array,
  ): Float32Array {
    const slot = this.#workers.indexOf(process);
    this.#invariants.summed(process.name, round, sum);
    const isFlipped = faults.some((f) => f.type === 'flip' && f.who === slot && f.round === round);
    return isFlipped ? sum.map((value, i) => (i === 0 ? value + 1 : value)) : sum;
  }

  #wait(owner: Process, delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => {
        cancel();
        reject(signal?.reason as Error);
      };
      const cancel = this.#world.schedule(owner, delayMs, () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      });
      signal?.addEventListener('abort', onAbort);
    });
  }

  #journalWriter(): JournalWriter {
    let last = Promise.resolve();
    return {
      append: (record) => {
        last = last.then(async () => {
          await this.#wait(this.#coordinator, this.#world.random.between(0.1, 5));
          this.#journal.push(record);
          if (record.type === 'generation') this.#invariants.recorded(record.generation);
        });
        return last;
      },
    };
  }

  #states(): States {
    return {
      store: async (kind, state, _epoch, { incarnation }, signal) => {
        const holder = this.#processes.get(incarnation)!;
        const bytes = await this.#fetch(this.#coordinator, holder, state, signal);
        await this.#wait(this.#coordinator, this.#world.random.between(1, 10), signal);
        if (this.#options.faults.some(({ type }) => type === 'disk-full')) {
          throw new FtctlError('FT_DISK_FULL', { what: 'Cannot write: no space is left.' });
        }
        const { round, hash } = JSON.parse(Buffer.from(bytes).toString()) as StateRef;
        if (round !== state.round || hash !== state.hash) {
          this.#invariants.broken(`${incarnation} gave another state than it announced`);
        }
        // As on disk: the newest of a kind is found, whichever was written last.
        if ((this.#stored.get(kind)?.round ?? 0) <= round) this.#stored.set(kind, { round, hash });
        this.#storedBytes.set(hash, bytes);
        this.#world.note(`stored ${kind} of round ${round}`);
        return `${kind}-${round}`;
      },
    };
  }

  /** Asks at the worker's own time: a stopped one does not answer, a dead one refuses the connection. */
  #fetch(
    asker: Process,
    process: Process,
    state: StateRef,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const { faults } = this.#options;
    const cannot = faults.some((f) => f.type === 'no-fetch' && nameOf(f.who) === process.name);
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => {
        reject(signal.reason as Error);
      });
      const refuse = (what: string): void => {
        this.#world.schedule(asker, 1, () => {
          reject(new FtctlError('FT_CALL_FAILED', { what }));
        });
      };
      if (!process.isAlive) {
        refuse('connection refused');
        return;
      }
      this.#onExit(process, () => {
        refuse('the connection broke');
      });
      this.#world.schedule(process, this.#world.random.between(0.5, 3), () => {
        const held = cannot ? undefined : this.#sessions.get(process.name)!.heldState(state);
        void Promise.resolve(held).then((bytes) => {
          this.#world.schedule(asker, 1, () => {
            if (bytes !== undefined) resolve(bytes);
            else reject(new FtctlError('FT_STATE_UNKNOWN', { what: 'That state is not held.' }));
          });
        });
      });
    });
  }

  readonly #exitHandlers = new Map<Process, (() => void)[]>();

  #onExit(process: Process, handler: () => void): void {
    this.#exitHandlers.set(process, [...(this.#exitHandlers.get(process) ?? []), handler]);
  }

  /** A process is gone: killed (what it had not handed over is torn off), or ended in good order. */
  #exit(process: Process, wasKilled: boolean): void {
    if (!process.isAlive) return;
    process.isAlive = false;
    this.#world.note(`${process.name} ${wasKilled ? 'is killed' : 'exits'}`);
    if (process === this.#coordinator) this.#control.coordinatorGone(wasKilled);
    else if (this.#sessions.has(process.name)) {
      this.#control.workerGone(process.name, wasKilled);
      this.#peers.workerGone(process.name, wasKilled);
    }
    if (process !== this.#coordinator) this.#respawnLater(process);
    for (const handler of this.#exitHandlers.get(process) ?? []) handler();
  }

  #plan(fault: Fault): void {
    switch (fault.type) {
      case 'kill':
        this.#when(fault.at, () => {
          this.#killedAtMs ??= this.#world.nowMs;
          this.#exit(this.#process(fault.who), true);
        });
        return;
      case 'stop-process':
        this.#when(fault.at, () => {
          const process = this.#process(fault.who);
          process.isStopped = true;
          this.#world.note(`${process.name} is stopped`);
          const { forMs } = fault;
          if (forMs === null) return;
          this.#world.schedule(null, forMs, () => {
            this.#world.note(`${process.name} goes on`);
            this.#world.resume(process);
          });
        });
        return;
      case 'break-link':
        this.#when(fault.at, () => {
          const [a, b] = fault.between.map((slot) => this.#workers[slot]!.name) as [string, string];
          if (!this.#sessions.has(a) || !this.#sessions.has(b)) return;
          this.#world.note(`the link of ${a} and ${b} breaks`);
          this.#peers.breakLink(a, b);
        });
        return;
      case 'reconnect':
        this.#when(fault.at, () => {
          const [a, b] = fault.between.map((slot) => this.#workers[slot]!.name) as [string, string];
          if (!this.#sessions.has(a) || !this.#sessions.has(b)) return;
          this.#world.note(`the stream of ${a} to ${b} breaks and heals`);
          this.#peers.reconnect(a, b);
        });
        return;
      case 'stop-request':
        this.#when(fault.at, () => {
          if (!this.#coordinator.isAlive || this.#coordinator.isStopped) return;
          if (fault.mode === 'graceful' && this.#conductor.state.phase.name === 'running') {
            this.#stopAskedAtMs ??= this.#world.nowMs;
            this.#stopAskedAtRound ??= Math.max(0, ...this.#invariants.rounds.values());
          }
          this.#conductor.stop(fault.mode);
        });
        return;
      case 'stranger':
        this.#when(fault.at, () => {
          this.#injectStranger(fault.to, fault.of);
        });
        return;
      default: // The others are asked about where they matter.
    }
  }

  /** A whole set of messages for the next round, with values that must never be summed. */
  #injectStranger(to: number, of: 'run' | 'generation'): void {
    const { name } = this.#workers[to]!;
    const committed = this.#journal.findLast((record) => record.type === 'generation');
    if (!this.#sessions.has(name) || committed?.type !== 'generation') return;
    const round = (this.#invariants.rounds.get(name) ?? 0) + 1;
    const { vectorLength } = this.#options.shape;
    for (const member of committed.generation.members) {
      if (member.incarnation === name) continue;
      this.#peers.injectPartials(name, member, committed.generation.numShards, {
        run: of === 'run' ? 'other' : 'run',
        generation: { term: of === 'generation' ? 0 : 1, number: 1 },
        ...{ round, from: member.rank, vectorLength, offset: 0 },
        values: new Float32Array(vectorLength).fill(1e6),
      });
    }
  }

  #when(moment: Moment, happen: () => void): void {
    if ('ms' in moment) {
      this.#world.schedule(null, moment.ms, happen);
      return;
    }
    const before = this.#world.onDelivery;
    this.#world.onDelivery = (index, when) => {
      before?.(index, when);
      if (index === moment.delivery && when === moment.when) happen();
    };
  }

  #process(who: number | 'coordinator'): Process {
    return who === 'coordinator' ? this.#coordinator : this.#workers[who]!;
  }
}

export function nameOf(slot: number): string {
  return `w${slot}`;
}
