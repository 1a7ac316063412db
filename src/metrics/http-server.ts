import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenError } from '../util/listen-error.js';

/** Whether a process can do its work now, and why not. */
export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
}

export interface MetricsServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What `/metrics` answers, in Prometheus' text format. */
  readonly metrics: { readonly contentType: string; text(): Promise<string> };
  readonly readiness: () => Readiness;
}

export interface MetricsServer {
  /** `host:port`, with the port that was taken. */
  readonly address: string;
  close(): Promise<void>;
}

/**
 * Serves `/metrics`, `/healthz` (200 while the event loop turns) and `/readyz` (200, or 503 and the reason).
 * Rejects with FT_PORT_IN_USE or FT_ADDRESS_UNUSABLE. It does not keep the process alive.
 */
export async function startMetricsServer(options: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    void answer(options, request, response);
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 10_000;
  server.maxConnections = 64;
  await listen(server, options.host, options.port);
  server.unref();
  const { port } = server.address() as AddressInfo;
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  return {
    address: `${host}:${String(port)}`,
    close: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      });
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(listenError(error, { what: 'metrics', setting: 'metrics.port', host, port }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      server.on('error', () => undefined); // of one connection, never of the process
      resolve();
    });
  });
}

async function answer(
  options: MetricsServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, 'Only GET is served here.\n', { allow: 'GET, HEAD' });
    return;
  }
  const path = (request.url ?? '/').split('?')[0];
  try {
    if (path === '/healthz') {
      send(response, 200, 'alive\n');
    } else if (path === '/readyz') {
      const { ready, reason } = options.readiness();
      send(response, ready ? 200 : 503, `${ready ? 'ready' : 'not ready'}: ${reason}\n`);
    } else if (path === '/metrics') {
      send(response, 200, await options.metrics.text(), {
        'content-type': options.metrics.contentType,
      });
    } else {
      send(response, 404, 'Served here: /metrics, /healthz, /readyz.\n');
    }
  } catch (error) {
    send(response, 500, `${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function send(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
