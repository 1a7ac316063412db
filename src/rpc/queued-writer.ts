/** The writable half of a gRPC stream, of a client or a server. */
export interface MessageSink<T> {
  write(message: T): boolean;
  end(): unknown;
  on(event: 'drain', listener: () => void): unknown;
}

/**
 * Writes messages to a stream as fast as it takes them and keeps the rest, at most `maxQueued`: a receiver that has
 * stopped must not fill the memory. Nothing is written after `end` or `drop`.
 */
export class QueuedWriter<T> {
  readonly #sink: MessageSink<T>;
  readonly #maxQueued: number;
  readonly #onOverflow: () => void;
  #queue: T[] = [];
  #isBlocked = false;
  #isEnding = false;
  #isOver = false;

  constructor(sink: MessageSink<T>, o: { maxQueued: number; onOverflow: () => void }) {
    this.#sink = sink;
    this.#maxQueued = o.maxQueued;
    this.#onOverflow = o.onOverflow;
    sink.on('drain', () => {
      this.#isBlocked = false;
      this.#flush();
    });
  }

  /** Number of messages that the stream has not taken yet. */
  get numQueued(): number {
    return this.#queue.length;
  }

  write(message: T): void {
    if (this.#isOver || this.#isEnding) return;
    if (this.#isBlocked && this.#queue.length >= this.#maxQueued) {
      this.drop();
      this.#onOverflow();
      return;
    }
    this.#queue.push(message);
    this.#flush();
  }

  /** Ends the stream once all that was written has been taken. */
  end(): void {
    this.#isEnding = true;
    this.#flush();
  }

  /** The stream is gone: forgets what is queued. */
  drop(): void {
    this.#isOver = true;
    this.#queue = [];
  }

  #flush(): void {
    if (this.#isOver) return;
    let sent = 0;
    while (!this.#isBlocked && sent < this.#queue.length) {
      this.#isBlocked = !this.#sink.write(this.#queue[sent]!);
      sent++;
    }
    if (sent > 0) this.#queue.splice(0, sent);
    if (this.#isEnding && this.#queue.length === 0) {
      this.#isOver = true;
      this.#sink.end();
    }
  }
}
