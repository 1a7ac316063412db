import { isIP } from 'node:net';
import {
  Server,
  ServerCredentials,
  type ServerInterceptor,
  ServerInterceptingCall,
} from '@grpc/grpc-js';
import { FtctlError } from '../errors/index.js';
import { listenError } from '../util/listen-error.js';
import { serverOptions } from './channel.js';
import { toStatus } from './status.js';
import { tokensEqual } from './token.js';

/** How long calls may take to end when a server closes, before their connections are cut. */
const CLOSE_WITHIN_MS = 1_000;

export interface RunningServer {
  /** `host:port` to dial. */
  readonly address: string;
  /** Lets calls end, then cuts what is left. */
  close(): Promise<void>;
}

/**
 * Starts a gRPC server that refuses every call without the token. Rejects with FT_INSECURE_ADDRESS (not loopback),
 * FT_PORT_IN_USE or FT_ADDRESS_UNUSABLE.
 */
export async function startServer(o: {
  /** Whose server it is, for messages. */
  what: 'coordinator' | 'worker';
  host: string;
  /** 0 for a free one. */
  port: number;
  token: string;
  maxMessageBytes: number;
  addServices(server: Server): void;
}): Promise<RunningServer> {
  if (!isLoopback(o.host)) {
    throw new FtctlError('FT_INSECURE_ADDRESS', {
      what: `A server was asked to listen on ${o.host}.`,
      why: 'Only loopback addresses (127.0.0.0/8, ::1, localhost) may be used without mutual TLS.',
    });
  }
  const calls = new OpenCalls();
  const server = new Server({
    ...serverOptions(o.maxMessageBytes),
    interceptors: [guard(o.token, calls)],
  });
  o.addServices(server);
  const port = await bind(server, o.what, o.host, o.port);
  return { address: joinAddress(o.host, port), close: () => close(server, calls) };
}

/** `host:port`, with brackets around an IPv6 address. */
export function joinAddress(host: string, port: number): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Lets in who has the token, and counts the calls. */
function guard(token: string, calls: OpenCalls): ServerInterceptor {
  return (_method, call) =>
    new ServerInterceptingCall(call, {
      start: (next) => {
        calls.begin();
        next({
          // Called once at the end of every call, well or not.
          onCancel: () => {
            calls.end();
          },
          onReceiveMetadata: (metadata, pass) => {
            const [value] = metadata.get('authorization');
            const given = /^Bearer (.+)$/.exec(value?.toString() ?? '')?.[1];
            if (given !== undefined && tokensEqual(given, token)) {
              pass(metadata);
              return;
            }
            call.sendStatus({ ...toStatus(refusal(given === undefined)), metadata: null });
          },
        });
      },
    });
}

function refusal(isMissing: boolean): FtctlError {
  return new FtctlError('FT_TOKEN_REFUSED', {
    what: isMissing
      ? 'The call carries no join token.'
      : 'The join token is not the one of this run.',
  });
}

function bind(server: Server, what: string, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.bindAsync(
      joinAddress(host, port),
      ServerCredentials.createInsecure(),
      (error, boundPort) => {
        if (error === null) resolve(boundPort);
        else reject(listenError(withCode(error), { what, setting: 'security.port', host, port }));
      },
    );
  });
}

/** grpc-js gives the system's code in its message alone. */
function withCode(error: Error): Error {
  const code = /\bE[A-Z_]{3,}\b/.exec(error.message)?.[0];
  return code === undefined ? error : Object.assign(error, { code });
}

/** The calls of a server that are not over. */
class OpenCalls {
  #count = 0;
  #onNone: () => void = () => undefined;

  begin(): void {
    this.#count++;
  }

  end(): void {
    this.#count--;
    if (this.#count === 0) this.#onNone();
  }

  /** Resolves to whether all calls were over in time. */
  over(withinMs: number): Promise<boolean> {
    if (this.#count === 0) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        resolve(false);
      }, withinMs);
      this.#onNone = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }
}

/**
 * Not `tryShutdown` and then `forceShutdown`: a connection that was asked to close well waits for its peer's end for
 * ever, and cannot be cut any more. A peer that stands still must not keep this process alive.
 */
async function close(server: Server, calls: OpenCalls): Promise<void> {
  if (await calls.over(CLOSE_WITHIN_MS)) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, CLOSE_WITHIN_MS);
      server.tryShutdown(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
  server.forceShutdown();
}
