import type { FtctlErrorJson } from '../errors/index.js';
import type { Clock } from '../util/clock.js';
import type { Log } from '../util/log.js';
import { lastLines } from '../util/tail-lines.js';
import { Heartbeat } from './heartbeat.js';
import type { EndedProcess } from './run-facts.js';
import type { SupervisionLimits } from './supervision-limits.js';
import { type ProcessExit, type ProcessRole, roleName, type TargetProcess } from './target.js';
import { Waits } from './waits.js';

export interface ProcessHandlers {
  readonly onListening?: (address: string) => void;
  /** `isClean`: exit code 0. */
  readonly onEnded: (isClean: boolean) => void;
}

interface Entry {
  readonly role: ProcessRole;
  readonly process: TargetProcess;
  readonly heartbeat: Heartbeat;
  readonly exited: Promise<void>;
  isAlive: boolean;
  wasReplaced: boolean;
  wasAsked: boolean;
  silentForMs: number | null;
  reported: FtctlErrorJson | null;
}

/** Lines of a log that can hold a native crash's report with its stack. */
const tailLines = 40;
/** A process that SIGKILL does not end hangs in the kernel (a dead disk); nothing can be done about it. */
const unkillableMs = 10_000;

/** The living processes of a run, and what is known of those that have ended. */
export class ProcessTable {
  readonly #clock: Clock;
  readonly #limits: SupervisionLimits;
  readonly #log: Log;
  readonly #entries: Entry[] = [];
  readonly #ended: {
    readonly entry: Entry;
    readonly end: Promise<Omit<EndedProcess, 'wasReplaced'>>;
  }[] = [];

  constructor(options: { clock: Clock; limits: SupervisionLimits; log: Log }) {
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.#log = options.log;
  }

  add(role: ProcessRole, process: TargetProcess, handlers: ProcessHandlers): { name: string } {
    const name = roleName(role);
    this.#log.info(`Started ${name}.`, { pid: process.pid });
    for (const before of this.#entries)
      if (roleName(before.role) === name) before.wasReplaced = true;
    const entry: Entry = {
      role,
      process,
      heartbeat: new Heartbeat({
        clock: this.#clock,
        intervalMs: this.#limits.heartbeatMs,
        limitMs: this.#limits.silentMs,
        ping: () => {
          process.send({ type: 'ping' });
        },
        onSilent: (silentForMs) => {
          this.#killSilent(entry, silentForMs);
        },
      }),
      exited: process.exited.then((exit) => {
        this.#note(entry, exit);
        handlers.onEnded(exit.code === 0);
      }),
      isAlive: true,
      wasReplaced: false,
      wasAsked: false,
      silentForMs: null,
      reported: null,
    };
    process.onMessage((message) => {
      if (message.type === 'pong') entry.heartbeat.answered();
      if (message.type === 'failed') entry.reported ??= message.error;
      if (message.type === 'listening') handlers.onListening?.(message.address);
    });
    this.#entries.push(entry);
    return { name };
  }

  /** Resolves when no process is left; at once if there is none. */
  async allEnded(): Promise<void> {
    await Promise.all(this.#entries.map(({ exited }) => exited));
  }

  /** Ends all that still live: SIGTERM, and SIGKILL for those that do not follow. */
  async terminate(): Promise<void> {
    const alive = this.#alive();
    if (alive.length === 0) return;
    const waits = new Waits(this.#clock);
    for (const entry of alive) {
      entry.wasAsked = true;
      entry.heartbeat.stop();
      entry.process.kill('SIGTERM');
    }
    await Promise.race([this.allEnded(), waits.sleep(this.#limits.terminateMs)]);
    for (const entry of this.#alive()) {
      this.#log.warn(`Killing ${roleName(entry.role)}: it did not end after SIGTERM.`);
      entry.process.kill('SIGKILL');
    }
    await Promise.race([this.allEnded(), waits.sleep(unkillableMs)]);
    waits.cancelAll();
    for (const { role, process } of this.#alive()) {
      this.#log.error(`${roleName(role)} did not end after SIGKILL.`, { pid: process.pid });
    }
  }

  /** Asks the newest worker of a slot to end. */
  askToEnd(slot: number): void {
    const entry = this.#newest(slot);
    if (entry?.isAlive !== true) return;
    entry.wasAsked = true;
    entry.process.kill('SIGTERM');
  }

  /** Kills the newest worker of a slot: it has not done in time what was waited for. */
  killOverdue(slot: number): void {
    const entry = this.#newest(slot);
    if (entry?.isAlive === true && !entry.wasAsked) this.#kill(entry);
  }

  /**
   * Makes sure that the newest worker of a slot ends. It is killed if it still lives when `frozen` has resolved and has not
   * answered since this call, and in any case if it does when `overdue` has, too.
   */
  async endLost(
    slot: number,
    { frozen, overdue }: Readonly<Record<'frozen' | 'overdue', Promise<unknown>>>,
  ): Promise<void> {
    const entry = this.#newest(slot);
    if (entry === undefined) return;
    const answered = new Set<string>();
    entry.process.onMessage(({ type }) => answered.add(type));
    entry.process.send({ type: 'ping' });
    const isLeft = (): boolean => entry.isAlive && !entry.wasAsked;
    await frozen;
    if (isLeft() && !answered.has('pong')) this.#kill(entry);
    await overdue;
    if (isLeft()) this.#kill(entry);
  }

  /** In the order in which they ended. */
  ended(): Promise<EndedProcess[]> {
    return Promise.all(
      this.#ended.map(async ({ entry, end }) => ({
        ...(await end),
        wasReplaced: entry.wasReplaced,
      })),
    );
  }

  #newest(slot: number): Entry | undefined {
    return this.#entries.findLast(({ role }) => role.role === 'worker' && role.slot === slot);
  }

  #kill(entry: Entry): void {
    this.#killSilent(entry, entry.heartbeat.silentForMs());
  }

  #killSilent(entry: Entry, silentForMs: number): void {
    this.#log.error(`Killing ${roleName(entry.role)}: it does not answer.`, { silentForMs });
    entry.heartbeat.stop();
    entry.silentForMs = silentForMs;
    entry.process.kill('SIGKILL');
  }

  #alive(): Entry[] {
    return this.#entries.filter(({ isAlive }) => isAlive);
  }

  #note(entry: Entry, exit: ProcessExit): void {
    entry.isAlive = false;
    entry.heartbeat.stop();
    const { process, role, wasAsked, silentForMs, reported } = entry;
    this.#log.info(`Ended: ${roleName(role)}.`, { ...exit, wasAsked });
    const end = lastLines(process.logPath, tailLines, process.logStart).then((tail) => ({
      ...{ process: role, exit, tail, wasAsked, silentForMs, reported },
      logPath: process.logPath,
    }));
    this.#ended.push({ entry, end });
  }
}
