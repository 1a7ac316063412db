import { type ServiceError, status } from '@grpc/grpc-js';
import type { RunEvent } from '../control/events.js';
import { FtctlError } from '../errors/index.js';
import { abortError } from './abort-error.js';
import { receiveBytes } from './byte-stream.js';
import { authorization, channelCredentials, clientOptions, MAX_CONTROL_BYTES } from './channel.js';
import { GrpcControlLink } from './control-client.js';
import type { ControlLink } from './control-link.js';
import type { StateRef } from './control-messages.js';
import { type StopMode, stopMode } from './stop-mode.js';
import type { CoordinatorServiceClient } from './gen/ftctl/coordinator/v1/CoordinatorService.js';
import type { WatchResponse } from './gen/ftctl/coordinator/v1/WatchResponse.js';
import { services } from './proto.js';
import { describeState } from './state-fetcher.js';
import { type Callee, fromStatus } from './status.js';

/** How long control streams may take to flush when the client closes. */
const CLOSE_WITHIN_MS = 1_000;

/** One process's connection to the coordinator. Every rejection is an FtctlError, or the reason of the signal. */
export interface CoordinatorClient {
  /**
   * The run's events from number `from` (0) on, each at most once and with its number; gaps are events that the
   * coordinator no longer keeps, or spared a slow watcher. Resolves when the coordinator ends the stream; rejects with
   * FT_COORDINATOR_LOST when it breaks.
   */
  watch(
    onEvent: (event: RunEvent, sequence: number) => void,
    signal: AbortSignal,
    from?: number,
  ): Promise<void>;
  /** Resolves when the coordinator has the request. */
  stop(mode: StopMode, signal?: AbortSignal): Promise<void>;
  /** A file by its SHA-256, verified. */
  fetchBlob(sha256: string, signal: AbortSignal): Promise<Buffer>;
  /** The worker's control stream, cut when the signal aborts. */
  openControl(signal: AbortSignal): ControlLink;
  fetchState(ref: StateRef, signal: AbortSignal): Promise<Uint8Array>;
  /** Flushes the control streams (for at most a second), ends every call, closes the connection. */
  close(): Promise<void>;
}

/** Makes no connection yet: the first call does. */
export function connectCoordinator(o: { address: string; token: string }): CoordinatorClient {
  return new GrpcCoordinatorClient(o.address, o.token);
}

class GrpcCoordinatorClient implements CoordinatorClient {
  readonly #callee: Callee;
  readonly #token: string;
  readonly #client: CoordinatorServiceClient;
  readonly #closing = new AbortController();
  readonly #links = new Set<GrpcControlLink>();

  constructor(address: string, token: string) {
    this.#callee = { role: 'coordinator', address };
    this.#token = token;
    const { CoordinatorService } = services();
    this.#client = new CoordinatorService(
      address,
      channelCredentials,
      clientOptions(MAX_CONTROL_BYTES),
    );
  }

  async watch(
    onEvent: (event: RunEvent, sequence: number) => void,
    signal: AbortSignal,
    from = 0,
  ): Promise<void> {
    const either = this.#orClosing(signal);
    let next = from;
    for (;;) {
      try {
        await this.#watchOnce(next, either, (message) => {
          next = message.sequence + 1;
          onEvent(JSON.parse(message.eventJson) as RunEvent, message.sequence);
        });
        return;
      } catch (error) {
        // The coordinator cut off a slow watcher: go on from there.
        if (!isSlowWatcher(error)) throw error;
      }
    }
  }

  async stop(mode: StopMode, signal?: AbortSignal): Promise<void> {
    const either = signal === undefined ? this.#closing.signal : this.#orClosing(signal);
    either.throwIfAborted();
    let onAbort = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const call = this.#client.stop(
          { mode: stopMode.encode(mode) },
          authorization(this.#token),
          (error: ServiceError | null) => {
            if (error === null) resolve();
            else reject(either.aborted ? abortError(either) : fromStatus(error, this.#callee));
          },
        );
        onAbort = () => {
          call.cancel();
        };
        either.addEventListener('abort', onAbort, { once: true });
      });
    } finally {
      either.removeEventListener('abort', onAbort);
    }
  }

  async fetchBlob(sha256: string, signal: AbortSignal): Promise<Buffer> {
    const either = this.#orClosing(signal);
    either.throwIfAborted();
    const call = this.#client.getBlob({ sha256 }, authorization(this.#token));
    return receiveBytes(call, {
      what: `The file with the SHA-256 ${sha256}`,
      callee: this.#callee,
      signal: either,
      sha256,
    });
  }

  async fetchState(ref: StateRef, signal: AbortSignal): Promise<Uint8Array> {
    const either = this.#orClosing(signal);
    either.throwIfAborted();
    const call = this.#client.fetchState({ state: ref }, authorization(this.#token));
    return receiveBytes(call, {
      what: describeState(ref),
      callee: this.#callee,
      signal: either,
    });
  }

  openControl(signal: AbortSignal): ControlLink {
    const call = this.#client.control(authorization(this.#token));
    const link = new GrpcControlLink(call, this.#callee.address);
    const onAbort = (): void => {
      link.cancel();
    };
    this.#links.add(link);
    void link.ended.then(() => {
      signal.removeEventListener('abort', onAbort);
      this.#links.delete(link);
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    return link;
  }

  async close(): Promise<void> {
    const links = [...this.#links];
    for (const link of links) link.close();
    await within(CLOSE_WITHIN_MS, Promise.all(links.map((link) => link.ended)));
    for (const link of this.#links) link.cancel();
    this.#closing.abort(
      new FtctlError('FT_CALL_FAILED', {
        what: `The connection to the coordinator at ${this.#callee.address} was closed.`,
      }),
    );
    this.#client.close();
  }

  #orClosing(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }

  #watchOnce(
    from: number,
    signal: AbortSignal,
    onMessage: (message: WatchResponse) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(abortError(signal));
        return;
      }
      const call = this.#client.watch({ from }, authorization(this.#token));
      const settle = (finish: () => void): void => {
        signal.removeEventListener('abort', onAbort);
        finish();
      };
      const fail = (error: Error): void => {
        settle(() => {
          reject(error);
        });
      };
      const onAbort = (): void => {
        fail(abortError(signal));
        call.cancel();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      call.on('data', (message: WatchResponse) => {
        if (signal.aborted) return;
        try {
          onMessage(message);
        } catch (error) {
          fail(FtctlError.from(error));
          call.cancel();
        }
      });
      call.on('error', (error: ServiceError) => {
        fail(fromStatus(error, this.#callee));
      });
      call.on('end', () => {
        // A failed call has emitted its error before.
        settle(resolve);
      });
    });
  }
}

function isSlowWatcher(error: unknown): boolean {
  if (!(error instanceof FtctlError) || error.code !== 'FT_CALL_FAILED') return false;
  return (error.cause as Partial<ServiceError> | undefined)?.code === status.RESOURCE_EXHAUSTED;
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([work, timeout]);
  clearTimeout(timer);
}
