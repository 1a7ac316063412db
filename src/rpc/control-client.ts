import type { ClientDuplexStream } from '@grpc/grpc-js';
import { FtctlError } from '../errors/index.js';
import { isServiceError } from './channel.js';
import type { ControlLink } from './control-link.js';
import type { CoordinatorMessage, WorkerMessage } from './control-messages.js';
import { decodeCoordinatorMessage } from './coordinator-message.js';
import type { ControlRequestInput } from './gen/ftctl/coordinator/v1/ControlRequest.js';
import type { ControlResponse } from './gen/ftctl/coordinator/v1/ControlResponse.js';
import { QueuedWriter } from './queued-writer.js';
import { fromStatus } from './status.js';
import { encodeWorkerMessage } from './worker-message.js';

/** Some minutes of reports and heartbeats; a coordinator that reads none of them has stopped. */
const MAX_QUEUED = 10_000;

/** A worker's end of its control stream, over gRPC. */
export class GrpcControlLink implements ControlLink {
  readonly #call: ClientDuplexStream<ControlRequestInput, ControlResponse>;
  readonly #writer: QueuedWriter<ControlRequestInput>;
  /** Resolves when the stream is over, whoever ended it. */
  readonly ended: Promise<void>;
  #resolveEnded: () => void = () => undefined;
  #handleMessage: ((message: CoordinatorMessage) => void) | undefined;
  #handleLost: ((cause: string) => void) | undefined;
  #early: CoordinatorMessage[] = [];
  #lostCause: string | undefined;
  #isOver = false;

  constructor(call: ClientDuplexStream<ControlRequestInput, ControlResponse>, address: string) {
    this.#call = call;
    this.ended = new Promise((resolve) => {
      this.#resolveEnded = resolve;
    });
    this.#writer = new QueuedWriter(call, {
      maxQueued: MAX_QUEUED,
      onOverflow: () => {
        this.#lose(`${MAX_QUEUED} messages to the coordinator wait to be read`);
        call.cancel();
      },
    });
    call.on('data', (response: ControlResponse) => {
      if (this.#isOver) return;
      try {
        this.#take(decodeCoordinatorMessage(response.message));
      } catch (error) {
        this.#lose(FtctlError.from(error).message);
        call.cancel();
      }
    });
    call.on('error', (error) => {
      const known = isServiceError(error)
        ? fromStatus(error, { role: 'coordinator', address })
        : FtctlError.from(error);
      this.#over(known.message);
    });
    call.on('end', () => {
      // A failed call has emitted its error before.
      this.#over('The coordinator ended the control stream.');
    });
  }

  send(message: WorkerMessage): void {
    this.#writer.write({ message: encodeWorkerMessage(message) });
  }

  onMessage(handler: (message: CoordinatorMessage) => void): void {
    this.#handleMessage = handler;
    const early = this.#early;
    this.#early = [];
    for (const message of early) handler(message);
    this.#reportLoss();
  }

  onLost(handler: (cause: string) => void): void {
    this.#handleLost = handler;
    this.#reportLoss();
  }

  /** Ends the stream after what was sent has been flushed; no loss is reported. */
  close(): void {
    this.#isOver = true;
    this.#writer.end();
  }

  /** Ends the stream at once. */
  cancel(): void {
    this.#isOver = true;
    this.#writer.drop();
    this.#call.cancel();
  }

  #take(message: CoordinatorMessage): void {
    if (this.#handleMessage === undefined) this.#early.push(message);
    else this.#handleMessage(message);
  }

  #over(cause: string): void {
    this.#lose(cause);
    this.#resolveEnded();
  }

  #lose(cause: string): void {
    this.#writer.drop();
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lostCause = cause;
    this.#reportLoss();
  }

  /** Once, and after all messages: what was sent last (an abort) may tell more than the loss. */
  #reportLoss(): void {
    const cause = this.#lostCause;
    if (cause === undefined || this.#handleLost === undefined || this.#early.length > 0) return;
    this.#lostCause = undefined;
    this.#handleLost(cause);
  }
}
