import type { Clock } from '../util/clock.js';

/** A promise with its ends in hand. */
export interface Deferred<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
}

/** `Promise.withResolvers`, which Node 20 does not have. */
export function deferred<T>(): Deferred<T> {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

interface Wait {
  readonly limitMs: number;
  readonly onLimit: () => void;
  cancel: () => void;
}

/** Named deadlines on one clock, so that none is forgotten at the end. */
export class Waits {
  readonly #clock: Clock;
  readonly #waits = new Map<string, Wait>();
  readonly #sleeps = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls back after `limitMs` unless cancelled; a wait of the same name is replaced. */
  start(name: string, limitMs: number, onLimit: () => void): void {
    this.cancel(name);
    const cancel = this.#clock.setTimer(limitMs, () => {
      this.#waits.delete(name);
      onLimit();
    });
    this.#waits.set(name, { limitMs, onLimit, cancel });
  }

  /** Gives the waits whose names start so their whole time again; none is started by it. */
  restart(prefix: string): void {
    for (const [name, { limitMs, onLimit }] of [...this.#waits]) {
      if (name.startsWith(prefix)) this.start(name, limitMs, onLimit);
    }
  }

  cancel(name: string): void {
    this.#waits.get(name)?.cancel();
    this.#waits.delete(name);
  }

  /** Resolves after `ms`, or at `cancelAll`. */
  sleep(ms: number): Promise<void> {
    const slept = deferred<undefined>();
    const wake = (): void => {
      cancel();
      this.#sleeps.delete(wake);
      slept.resolve(undefined);
    };
    const cancel = this.#clock.setTimer(ms, wake);
    this.#sleeps.add(wake);
    return slept.promise;
  }

  cancelAll(): void {
    for (const name of [...this.#waits.keys()]) this.cancel(name);
    for (const wake of [...this.#sleeps]) wake();
  }
}
