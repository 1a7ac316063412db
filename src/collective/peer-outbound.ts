import { Metadata } from '@grpc/grpc-js';
import type { Clock } from '../util/clock.js';
import type { PeerMessage } from './messages.js';
import type { ReceiveCall } from './receive-method.js';
import { SendWindow } from './send-window.js';
import { frameBytes } from './wire.js';

/** How long a receiver may take to open its stream again, before the pair is lost. */
const REOPEN_WITHIN_MS = 2_000;

/** The stream to one other member, which that member opened: sends, and sends again after a break. */
export class PeerOutbound {
  readonly #clock: Clock;
  readonly #onLost: (cause: string) => void;
  readonly #onBytes: (bytes: number) => void;
  readonly #window = new SendWindow();
  #call: ReceiveCall | undefined;
  #isBlocked = false;
  #isFlushDue = false;
  #isClosed = false;
  #cancelReopenTimer: () => void = () => undefined;

  constructor(o: {
    clock: Clock;
    onLost: (cause: string) => void;
    onBytes: (bytes: number) => void;
  }) {
    this.#clock = o.clock;
    this.#onLost = o.onLost;
    this.#onBytes = o.onBytes;
  }

  get isUp(): boolean {
    return this.#call !== undefined;
  }

  /** Takes the stream that the receiver opened, in the place of an older one, and repeats the last two rounds. */
  attach(call: ReceiveCall): void {
    this.#cancelReopenTimer();
    this.#call?.end();
    this.#call = call;
    this.#isBlocked = false;
    this.#window.restart();
    call.on('drain', () => {
      if (this.#call !== call) return;
      this.#isBlocked = false;
      this.#flush();
    });
    call.on('cancelled', () => {
      if (this.#call !== call) return;
      this.#call = undefined;
      this.#awaitReopening();
    });
    // Headers before any message: the receiver's sign that its stream is open.
    call.sendMetadata(new Metadata());
    this.#flush();
  }

  send(message: PeerMessage): void {
    if (this.#isClosed) return;
    this.#window.push(message);
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    // Messages of one turn share a chunk.
    queueMicrotask(() => {
      this.#isFlushDue = false;
      this.#flush();
    });
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelReopenTimer();
    this.#call?.end();
    this.#call = undefined;
  }

  #flush(): void {
    while (this.#call !== undefined && !this.#isBlocked) {
      const frames = this.#window.take();
      if (frames.length === 0) return;
      this.#onBytes(frames.reduce((sum, frame) => sum + frameBytes(frame), 0));
      this.#isBlocked = !this.#call.write(frames);
    }
  }

  #awaitReopening(): void {
    if (this.#isClosed) return;
    this.#cancelReopenTimer = this.#clock.setTimer(REOPEN_WITHIN_MS, () => {
      this.#onLost(
        `its end of the stream broke and was not opened again in ${REOPEN_WITHIN_MS} ms`,
      );
    });
  }
}
