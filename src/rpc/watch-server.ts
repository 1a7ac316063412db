import { type ServerWritableStream, status } from '@grpc/grpc-js';
import type { RunEvent } from '../control/events.js';
import type { WatchRequest } from './gen/ftctl/coordinator/v1/WatchRequest.js';
import type { WatchResponseInput } from './gen/ftctl/coordinator/v1/WatchResponse.js';
import { QueuedWriter } from './queued-writer.js';
import { toStatus } from './status.js';

/** Port: a run's events since its start, and those to come. */
export interface EventLog {
  /** Calls back with each event from number `from` on, past ones first. The returned function ends it. */
  subscribe(from: number, handler: (event: RunEvent) => void): () => void;
}

type WatchCall = ServerWritableStream<WatchRequest, WatchResponseInput>;

/** A watcher with this many events waiting gets no progress events until it has caught up. */
const SLOW_FROM_QUEUED = 256;
/** A watcher with this many waiting is cut off; it may ask again from where it was. */
const MAX_QUEUED = 10_000;
const PROGRESS = new Set<RunEvent['type']>(['step', 'preparing', 'worker-state']);

/** The coordinator's end of all Watch streams. */
export class Watchers {
  readonly #events: EventLog;
  readonly #open = new Map<WatchCall, { end(): void }>();
  #isEnded = false;

  constructor(events: EventLog) {
    this.#events = events;
  }

  /** Implementation of the Watch call. */
  accept(call: WatchCall): void {
    let unsubscribe = (): void => undefined;
    const over = (): void => {
      writer.drop();
      unsubscribe();
      this.#open.delete(call);
    };
    const writer = new QueuedWriter<WatchResponseInput>(call, {
      maxQueued: MAX_QUEUED,
      onOverflow: () => {
        over();
        const details = `More than ${MAX_QUEUED} events wait to be read.`;
        call.emit('error', { code: status.RESOURCE_EXHAUSTED, details });
      },
    });
    call.on('cancelled', over);
    const end = (): void => {
      unsubscribe();
      this.#open.delete(call);
      writer.end();
    };
    let sequence = call.request.from;
    try {
      unsubscribe = this.#events.subscribe(sequence, (event) => {
        const isSpared = writer.numQueued >= SLOW_FROM_QUEUED && PROGRESS.has(event.type);
        if (!isSpared) writer.write({ sequence, eventJson: JSON.stringify(event) });
        sequence++;
      });
    } catch (error) {
      call.emit('error', toStatus(error));
      return;
    }
    if (this.#isEnded) end();
    else this.#open.set(call, { end });
  }

  /** Ends each stream once it has all events; a later watcher gets the past ones and an end. */
  endAll(): void {
    this.#isEnded = true;
    for (const watcher of [...this.#open.values()]) watcher.end();
  }
}
