import type { RunEvent, RunEventBody } from './events.js';

/** Called for each event, in order. `sequence` counts from 0 over the life of the bus. */
export type EventHandler = (event: RunEvent, sequence: number) => void;

/** Port: carries a run's events from the coordinator to whoever watches. */
export interface EventBus {
  /** Sequence number that the next event will get. */
  readonly nextSequence: number;
  /** Stamps an event with the time and hands it to all subscribers; gives its sequence number. Never throws. */
  publish(body: RunEventBody): number;
  /**
   * Hands over the kept events from number `from` on, at once, then each new one. The returned function ends it. A
   * watcher that comes late misses what is no longer kept: it sees a gap in the numbers.
   */
  subscribe(from: number, handler: EventHandler): () => void;
}

export interface MemoryEventBusOptions {
  /** Unix time in ms. */
  readonly now: () => number;
  /** Events that are kept for late watchers. */
  readonly capacity?: number;
  /** A subscriber threw; it is not called again. */
  readonly onHandlerError?: (error: unknown) => void;
}

/** Far more than the epochs, checkpoints and warnings of any run; steps make way for them. */
const defaultCapacity = 4096;

/**
 * The bus inside of one process. It keeps a bounded number of events; when that is reached, the older half of the
 * progress events (`step`, `preparing`) goes first, so that a late watcher still sees how the run came about.
 */
export class MemoryEventBus implements EventBus {
  readonly #options: MemoryEventBusOptions;
  readonly #capacity: number;
  readonly #subscribers = new Set<Subscriber>();
  #kept: Kept[] = [];
  #next = 0;

  constructor(options: MemoryEventBusOptions) {
    this.#options = options;
    this.#capacity = Math.max(2, options.capacity ?? defaultCapacity);
  }

  get nextSequence(): number {
    return this.#next;
  }

  publish(body: RunEventBody): number {
    const event: RunEvent = { at: this.#options.now(), ...body };
    const sequence = this.#next;
    this.#next += 1;
    this.#kept.push({ event, sequence });
    if (this.#kept.length > this.#capacity) this.#kept = thinned(this.#kept, this.#capacity);
    for (const subscriber of [...this.#subscribers]) this.#deliver(subscriber);
    return sequence;
  }

  subscribe(from: number, handler: EventHandler): () => void {
    const subscriber: Subscriber = { handler, wanted: from, isBusy: false };
    this.#subscribers.add(subscriber);
    this.#deliver(subscriber);
    return () => {
      this.#subscribers.delete(subscriber);
    };
  }

  /** A handler may publish: what it publishes comes to it after what it has not seen yet, hence the loop. */
  #deliver(subscriber: Subscriber): void {
    if (subscriber.isBusy) return;
    subscriber.isBusy = true;
    try {
      while (this.#subscribers.has(subscriber)) {
        const next = this.#firstFrom(subscriber.wanted);
        if (next === undefined) break;
        subscriber.wanted = next.sequence + 1;
        subscriber.handler(next.event, next.sequence);
      }
    } catch (error) {
      this.#subscribers.delete(subscriber);
      this.#options.onHandlerError?.(error);
    } finally {
      subscriber.isBusy = false;
    }
  }

  #firstFrom(wanted: number): Kept | undefined {
    if (wanted >= this.#next) return undefined;
    // Who keeps up wants the last one.
    const last = this.#kept.at(-1);
    if (last?.sequence === wanted) return last;
    return this.#kept.find(({ sequence }) => sequence >= wanted);
  }
}

interface Subscriber {
  readonly handler: EventHandler;
  wanted: number;
  isBusy: boolean;
}

interface Kept {
  readonly event: RunEvent;
  readonly sequence: number;
}

/** Without the older half of the progress events; where there are none to drop, without the oldest half of all. */
function thinned(kept: readonly Kept[], capacity: number): Kept[] {
  const numProgress = kept.filter(({ event }) => isProgress(event)).length;
  if (numProgress < 2) return kept.slice(kept.length - Math.ceil(capacity / 2));
  let toDrop = Math.floor(numProgress / 2);
  return kept.filter(({ event }) => {
    if (toDrop === 0 || !isProgress(event)) return true;
    toDrop -= 1;
    return false;
  });
}

function isProgress(event: RunEvent): boolean {
  return event.type === 'step' || event.type === 'preparing';
}
