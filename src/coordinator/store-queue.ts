import type { SnapshotKind, StateRef } from '../rpc/control-messages.js';

/** A state to be fetched and put on disk. */
export interface StoreTask {
  readonly kind: SnapshotKind;
  readonly state: StateRef;
}

interface Running {
  /** Gives it up: the next one need not wait for it, and what it still comes to is not told. */
  readonly abort: () => void;
  /** The next one need not wait for it, but it may still succeed. */
  readonly pass: () => void;
}

/** Stores one state after the other: they come in bursts, and each may be large. */
export class StoreQueue {
  /** By kind and round: one that is asked of another holder takes the place of the one before. */
  readonly #running = new Map<string, Running>();
  readonly #attempts = new Set<Promise<void>>();
  #last: Promise<void> = Promise.resolve();

  /** `attempt` never rejects, and has no effects once its signal is aborted. */
  add(task: StoreTask, attempt: (signal: AbortSignal) => Promise<void>): void {
    const key = keyOf(task);
    this.#running.get(key)?.abort();
    const controller = new AbortController();
    let pass = (): void => undefined;
    const passed = new Promise<void>((resolve) => {
      pass = resolve;
    });
    const abort = (): void => {
      controller.abort();
      pass();
    };
    this.#running.set(key, { abort, pass });
    // An attempt that nothing is expected of must not hold up the next one: its holder may never answer.
    this.#last = this.#last.then(() => {
      const running = attempt(controller.signal).finally(() => this.#attempts.delete(running));
      this.#attempts.add(running);
      return Promise.race([running, passed]);
    });
  }

  /** Nothing is expected of this one any more. */
  pass(task: StoreTask): void {
    this.#running.get(keyOf(task))?.pass();
  }

  abortAll(): void {
    for (const { abort } of this.#running.values()) abort();
  }

  /** Resolves when nothing is being stored; undefined where that is so now. */
  settled(): Promise<unknown> | undefined {
    return this.#attempts.size === 0 ? undefined : Promise.all(this.#attempts);
  }
}

function keyOf({ kind, state }: StoreTask): string {
  return `${kind} ${state.round}`;
}
