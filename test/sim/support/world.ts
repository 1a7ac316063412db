import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../../src/util/clock.js';
import { fnv, Random } from './random.js';

/** A simulated operating-system process: what happens to it stops when it is dead, and waits while it is stopped. */
export class Process {
  readonly name: string;
  isAlive = true;
  isStopped = false;
  /** Events that came due while it was stopped. */
  readonly held: Event[] = [];

  constructor(name: string) {
    this.name = name;
  }
}

interface Event {
  readonly atMs: number;
  readonly sequence: number;
  readonly owner: Process | null;
  readonly run: () => void;
  readonly isDelivery: boolean;
  isCancelled: boolean;
}

/** Called before and after each delivered message, with its number from 1 on. */
export type DeliveryHook = (index: number, when: 'before' | 'after') => void;

/**
 * Virtual time: a queue of events, run one by one in the order of (time, number). Between two events all promises
 * are settled, so that a history depends on the seed alone.
 */
export class World {
  readonly random: Random;
  nowMs = 0;
  numDeliveries = 0;
  /** Changes with anything that is noted, and with its time. */
  traceHash = 0;
  readonly trace: string[] = [];
  onDelivery: DeliveryHook | undefined;
  readonly #keepTrace: boolean;
  readonly #queue: Event[] = [];
  #sequence = 0;

  constructor(seed: number, options: { keepTrace?: boolean } = {}) {
    this.random = new Random(seed);
    this.#keepTrace = options.keepTrace ?? false;
  }

  note(line: string): void {
    const stamped = `${this.nowMs.toFixed(3)} ${line}`;
    this.traceHash = fnv(stamped, this.traceHash === 0 ? undefined : this.traceHash);
    if (this.#keepTrace) this.trace.push(stamped);
  }

  /** Runs `run` after `delayMs`, unless the owner is dead by then; the returned function cancels. */
  schedule(
    owner: Process | null,
    delayMs: number,
    run: () => void,
    isDelivery = false,
  ): () => void {
    const event: Event = {
      atMs: this.nowMs + Math.max(0, delayMs),
      sequence: this.#sequence++,
      owner,
      run,
      isDelivery,
      isCancelled: false,
    };
    this.#push(event);
    return () => {
      event.isCancelled = true;
    };
  }

  clockOf(owner: Process): Clock {
    return {
      nowMs: () => this.nowMs,
      setTimer: (delayMs, callback) => this.schedule(owner, delayMs, callback),
    };
  }

  resume(process: Process): void {
    process.isStopped = false;
    for (const event of process.held.splice(0)) {
      this.#push({ ...event, atMs: this.nowMs, sequence: this.#sequence++ });
    }
  }

  /** Runs until nothing is left to happen, or `untilMs`. Returns whether something was left. */
  async run(untilMs: number): Promise<boolean> {
    for (;;) {
      const event = this.#pop();
      if (event === undefined) return false;
      if (event.isCancelled || event.owner?.isAlive === false) continue;
      if (event.atMs > untilMs) return true;
      this.nowMs = Math.max(this.nowMs, event.atMs);
      if (event.owner?.isStopped === true) {
        event.owner.held.push(event);
        continue;
      }
      await this.#happen(event);
    }
  }

  async #happen(event: Event): Promise<void> {
    const index = event.isDelivery ? ++this.numDeliveries : 0;
    if (event.isDelivery && this.onDelivery !== undefined) {
      this.onDelivery(index, 'before');
      await setImmediate();
    }
    if (event.owner?.isAlive !== false) event.run();
    await setImmediate();
    if (event.isDelivery) this.onDelivery?.(index, 'after');
  }

  #push(event: Event): void {
    const queue = this.#queue;
    let at = queue.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, queue[parent]!)) break;
      queue[at] = queue[parent]!;
      at = parent;
    }
    queue[at] = event;
  }

  #pop(): Event | undefined {
    const queue = this.#queue;
    const top = queue[0];
    const last = queue.pop();
    if (top === undefined || last === undefined || queue.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && isBefore(queue[child + 1]!, queue[child]!)) child += 1;
      if (!isBefore(queue[child]!, last)) break;
      queue[at] = queue[child]!;
      at = child;
    }
    queue[at] = last;
    return top;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.sequence < b.sequence);
}
