import { Client, type ClientReadableStream, status } from '@grpc/grpc-js';
import { FtctlError } from '../errors/index.js';
import {
  authorization,
  channelCredentials,
  clientOptions,
  isServiceError,
  MAX_STREAM_MESSAGE_BYTES,
} from '../rpc/channel.js';
import type { GenerationId } from '../rpc/generation.js';
import { fromStatus, isConnectionRefused, plainCause } from '../rpc/status.js';
import type { Clock } from '../util/clock.js';
import type { PeerMessage } from './messages.js';
import { receiveMethod } from './receive-method.js';
import type { VectorPool } from './vector-pool.js';
import { FrameReader } from './wire.js';

/** Redials are data. Delays in ms before each attempt; the last delay holds for all further ones. */
const FIRST_DIAL = { delaysMs: [20, 50, 100, 200], maxAttempts: Infinity } as const;
/** A stream that was up is dialled again at once, and at most this often without coming up. */
const REDIAL = { delaysMs: [0, 20, 50, 100, 200], maxAttempts: 5 } as const;
/** A redial that is neither accepted nor refused has failed. */
const REDIAL_TIMEOUT_MS = 1_000;

/** Answers that trying again does not change. */
const REFUSALS = new Set<status>([
  status.UNAUTHENTICATED,
  status.PERMISSION_DENIED,
  status.INVALID_ARGUMENT,
  status.UNIMPLEMENTED,
]);

interface PeerInboundOptions {
  readonly address: string;
  readonly generation: GenerationId;
  /** Incarnations: the own one, and the one to be called. */
  readonly receiver: string;
  readonly sender: string;
  readonly token: string;
  readonly clock: Clock;
  /** Where the messages' values are from. */
  readonly pool: VectorPool;
  readonly onUp: () => void;
  readonly onMessage: (message: PeerMessage) => void;
  readonly onLost: (error: FtctlError) => void;
}

/** The stream from one other member: dials it, dials again after a break, reads its messages. */
export class PeerInbound {
  readonly #o: PeerInboundOptions;
  #dropCall: () => void = () => undefined;
  #cancelTimer: () => void = () => undefined;
  #wasUp = false;
  #isUp = false;
  #isClosed = false;
  #numAttempts = 0;
  /** The newest generation that both are members of: dials name it. */
  generation: GenerationId;
  /** Why the last attempt failed. */
  lastCause = 'it was not dialled yet';

  constructor(o: PeerInboundOptions) {
    this.#o = o;
    this.generation = o.generation;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Dials until the stream is up, or is refused. */
  dial(): void {
    if (this.#isClosed) return;
    const { address, receiver, sender, token, clock } = this.#o;
    const method = receiveMethod();
    const client = new Client(address, channelCredentials, clientOptions(MAX_STREAM_MESSAGE_BYTES));
    const call = client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseBytes,
      { generation: { ...this.generation }, receiver, sender },
      authorization(token),
    );
    let isOver = false;
    const over = (): void => {
      isOver = true;
      this.#cancelTimer();
      client.close();
    };
    const failed = (error: unknown): void => {
      if (isOver) return;
      over();
      this.#broken(error);
    };
    this.#dropCall = () => {
      over();
      call.cancel();
    };
    if (this.#wasUp) {
      this.#cancelTimer = clock.setTimer(REDIAL_TIMEOUT_MS, () => {
        failed(new Error(`no answer within ${REDIAL_TIMEOUT_MS} ms`));
        call.cancel();
      });
    }
    this.#listen(call, () => isOver, failed);
  }

  close(): void {
    this.#isClosed = true;
    this.#isUp = false;
    this.#cancelTimer();
    this.#dropCall();
  }

  #listen(
    call: ClientReadableStream<Buffer>,
    isOver: () => boolean,
    failed: (error: unknown) => void,
  ): void {
    const reader = new FrameReader(this.#o.pool);
    call.on('metadata', () => {
      if (isOver()) return;
      this.#cancelTimer();
      this.#wasUp = true;
      this.#isUp = true;
      this.#o.onUp();
    });
    call.on('data', (bytes: Buffer) => {
      if (isOver()) return;
      // Not at the headers: a stream that comes up and breaks over and over must end.
      this.#numAttempts = 0;
      let messages: PeerMessage[];
      try {
        messages = reader.read(bytes);
      } catch (error) {
        failed(error);
        call.cancel();
        return;
      }
      for (const message of messages) this.#o.onMessage(message);
    });
    call.on('error', failed);
    call.on('end', () => {
      failed(new Error('it ended the stream'));
    });
  }

  #broken(error: unknown): void {
    this.#isUp = false;
    if (this.#isClosed) return;
    this.lastCause = causeOf(error);
    const policy = this.#wasUp ? REDIAL : FIRST_DIAL;
    const isFinal = isServiceError(error)
      ? REFUSALS.has(error.code) || (this.#wasUp && isConnectionRefused(error))
      : error instanceof FtctlError;
    if (isFinal || this.#numAttempts >= policy.maxAttempts) {
      this.#isClosed = true;
      this.#o.onLost(this.#lossError(error));
      return;
    }
    const { delaysMs } = policy;
    const delayMs = delaysMs[Math.min(this.#numAttempts, delaysMs.length - 1)]!;
    this.#numAttempts++;
    this.#cancelTimer = this.#o.clock.setTimer(delayMs, () => {
      this.dial();
    });
  }

  #lossError(error: unknown): FtctlError {
    if (error instanceof FtctlError) return error;
    const { address } = this.#o;
    if (isServiceError(error)) return fromStatus(error, { role: 'worker', address });
    return new FtctlError('FT_PEER_UNREACHABLE', {
      what: `There is no connection to the worker at ${address}: ${this.lastCause}.`,
      cause: error,
    });
  }
}

function causeOf(error: unknown): string {
  if (isServiceError(error)) return plainCause(error);
  return error instanceof Error ? error.message : String(error);
}
