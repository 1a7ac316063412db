import { type ServerWritableStream, status } from '@grpc/grpc-js';
import type { RunEvent } from '../control/events.js';
import type { WatchRequest } from './gen/ftctl/coordinator/v1/WatchRequest.js';
import type { WatchResponseInput } from './gen/ftctl/coordinator/v1/WatchResponse.js';
import { type MessageSink, QueuedWriter } from './queued-writer.js';
import { toStatus } from './status.js';

/** Port: a run's events since its start, and those to come. */
export interface EventLog {
  /**
   * Calls back with each event that is kept from number `from` on, past ones first, and its number. The returned
   * function ends it.
   */
  subscribe(from: number, handler: (event: RunEvent, sequence: number) => void): () => void;
}

type WatchCall = ServerWritableStream<WatchRequest, WatchResponseInput>;

/** A watcher with this many events waiting gets no progress events until it has caught up. */
const SLOW_FROM_QUEUED = 256;
/** A watcher with this many waiting gets those, and is cut off: it may ask again from where it was. */
const MAX_QUEUED = 10_000;
const SLOW = `More than ${MAX_QUEUED} events wait to be read.`;
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
    const state = { isOver: false, isCut: false };
    let unsubscribe = (): void => undefined;
    const finish = (): void => {
      state.isOver = true;
      unsubscribe();
      this.#open.delete(call);
      writer.end();
    };
    const sink: MessageSink<WatchResponseInput> = {
      write: (message) => call.write(message),
      on: (event, listener) => call.on(event, listener),
      end: () => {
        if (state.isCut) call.emit('error', { code: status.RESOURCE_EXHAUSTED, details: SLOW });
        else call.end();
      },
    };
    // The bound is kept here, not by the writer, which would drop what is queued.
    const writer = new QueuedWriter(sink, { maxQueued: Infinity, onOverflow: () => undefined });
    call.on('cancelled', () => {
      writer.drop();
      finish();
    });
    try {
      unsubscribe = this.#events.subscribe(call.request.from, (event, sequence) => {
        if (state.isOver) return;
        const isSpared = writer.numQueued >= SLOW_FROM_QUEUED && PROGRESS.has(event.type);
        if (!isSpared) writer.write({ sequence, eventJson: JSON.stringify(event) });
        if (writer.numQueued < MAX_QUEUED) return;
        state.isCut = true;
        finish();
      });
    } catch (error) {
      call.emit('error', toStatus(error));
      return;
    }
    this.#open.set(call, { end: finish });
    // Cut off while the past events came, or there are no others to come.
    if (state.isCut || this.#isEnded) finish();
  }

  /** Ends each stream once it has all events; a later watcher gets the past ones and an end. */
  endAll(): void {
    this.#isEnded = true;
    for (const watcher of [...this.#open.values()]) watcher.end();
  }
}
