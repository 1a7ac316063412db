import type { ServerDuplexStream } from '@grpc/grpc-js';
import { FtctlError } from '../errors/index.js';
import type { Clock } from '../util/clock.js';
import type { ControlPlane } from './control-link.js';
import type { CoordinatorMessage, WorkerMessage } from './control-messages.js';
import { encodeCoordinatorMessage } from './coordinator-message.js';
import type { ControlRequest } from './gen/ftctl/coordinator/v1/ControlRequest.js';
import type { ControlResponseInput } from './gen/ftctl/coordinator/v1/ControlResponse.js';
import { QueuedWriter } from './queued-writer.js';
import { toStatus } from './status.js';
import { decodeWorkerMessage } from './worker-message.js';

type ControlCall = ServerDuplexStream<ControlRequest, ControlResponseInput>;

/** A worker that reads nothing for this many messages has stopped. */
const MAX_QUEUED = 10_000;
const HELLO_WITHIN_MS = 10_000;
const CANCELLED_WITHIN_MS = 10;

interface Stream {
  readonly call: ControlCall;
  readonly writer: QueuedWriter<ControlResponseInput>;
  incarnation: string | undefined;
  /** Ended by this side, or lost: nothing more is reported of it. */
  isOver: boolean;
}

/** The coordinator's end of all control streams, over gRPC. */
export class GrpcControlPlane implements ControlPlane {
  readonly #clock: Clock;
  readonly #streams = new Map<string, Stream>();
  readonly #unnamed = new Set<Stream>();
  #handleMessage: ((incarnation: string, message: WorkerMessage) => void) | undefined;
  #handleLost: ((incarnation: string, cause: string) => void) | undefined;
  /** What came before the handlers were set. */
  #early: (() => void)[] = [];

  constructor(o: { clock: Clock }) {
    this.#clock = o.clock;
  }

  send(incarnation: string, message: CoordinatorMessage): void {
    this.#streams.get(incarnation)?.writer.write({ message: encodeCoordinatorMessage(message) });
  }

  onMessage(handler: (incarnation: string, message: WorkerMessage) => void): void {
    this.#handleMessage = handler;
    this.#deliverEarly();
  }

  onLost(handler: (incarnation: string, cause: string) => void): void {
    this.#handleLost = handler;
    this.#deliverEarly();
  }

  close(incarnation: string): void {
    const stream = this.#streams.get(incarnation);
    if (stream === undefined) return;
    this.#streams.delete(incarnation);
    stream.isOver = true;
    stream.writer.end();
  }

  /** Ends every stream after what was sent has been flushed. */
  closeAll(): void {
    for (const incarnation of [...this.#streams.keys()]) this.close(incarnation);
    for (const stream of this.#unnamed) stream.writer.end();
    this.#unnamed.clear();
  }

  /** Implementation of the Control call. */
  accept(call: ControlCall): void {
    const stream: Stream = {
      call,
      writer: new QueuedWriter(call, {
        maxQueued: MAX_QUEUED,
        onOverflow: () => {
          this.#fail(stream, broken(`${MAX_QUEUED} messages to the worker wait to be read.`));
        },
      }),
      incarnation: undefined,
      isOver: false,
    };
    this.#unnamed.add(stream);
    const cancelTimer = this.#clock.setTimer(HELLO_WITHIN_MS, () => {
      if (stream.incarnation !== undefined || stream.isOver) return;
      this.#fail(stream, broken(`No hello came within ${HELLO_WITHIN_MS} ms.`));
    });
    call.on('data', (request: ControlRequest) => {
      if (stream.isOver) return;
      try {
        this.#take(stream, decodeWorkerMessage(request.message));
      } catch (error) {
        this.#fail(stream, FtctlError.from(error));
      }
    });
    const over = (cause: string): void => {
      cancelTimer();
      stream.writer.drop();
      this.#lose(stream, cause);
    };
    call.on('cancelled', () => {
      over('its connection broke');
    });
    call.on('end', () => {
      // A broken connection ends the stream too, and is known to be one shortly after.
      this.#clock.setTimer(CANCELLED_WITHIN_MS, () => {
        if (stream.isOver) return;
        over('it closed its control stream');
        // Answers the half-close, so that the worker's call ends well.
        call.end();
      });
    });
  }

  #take(stream: Stream, message: WorkerMessage): void {
    if (stream.incarnation === undefined) {
      if (message.type !== 'hello') {
        throw broken(`The first message of a control stream is ${message.type}, not hello.`);
      }
      this.#name(stream, message.incarnation);
    }
    const { incarnation } = stream;
    if (incarnation !== undefined)
      this.#deliver(() => {
        this.#handleMessage!(incarnation, message);
      });
  }

  /** A worker that dials again before its old stream is known to be broken replaces it. */
  #name(stream: Stream, incarnation: string): void {
    if (incarnation === '') throw broken('A hello names no incarnation.');
    this.close(incarnation);
    this.#unnamed.delete(stream);
    stream.incarnation = incarnation;
    this.#streams.set(incarnation, stream);
  }

  #fail(stream: Stream, error: FtctlError): void {
    stream.writer.drop();
    stream.call.emit('error', toStatus(error));
    this.#lose(stream, error.message);
  }

  #lose(stream: Stream, cause: string): void {
    this.#unnamed.delete(stream);
    if (stream.isOver) return;
    stream.isOver = true;
    const { incarnation } = stream;
    if (incarnation === undefined) return;
    this.#streams.delete(incarnation);
    this.#deliver(() => {
      this.#handleLost!(incarnation, cause);
    });
  }

  #deliver(event: () => void): void {
    if (this.#handleMessage !== undefined && this.#handleLost !== undefined) event();
    else this.#early.push(event);
  }

  #deliverEarly(): void {
    if (this.#handleMessage === undefined || this.#handleLost === undefined) return;
    const early = this.#early;
    this.#early = [];
    for (const event of early) event();
  }
}

function broken(why: string): FtctlError {
  return new FtctlError('FT_PROTOCOL_BROKEN', { what: 'A control stream was ended.', why });
}
