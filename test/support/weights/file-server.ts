import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ServedRequest {
  readonly path: string;
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on loopback whose answers a test chooses, one request after the other; the last one stays. */
export class FileServer {
  readonly requests: ServedRequest[] = [];
  answers: Answer[] = [];
  #port = 0;
  readonly #server = createServer((request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    this.requests.push({ path: request.url!, range, ifRange: ifRange as string | undefined });
    const answer = this.answers.length > 1 ? this.answers.shift()! : this.answers[0]!;
    answer(request, response);
  });

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  url(path: string): string {
    return `http://127.0.0.1:${this.#port}${path}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface FileOptions {
  readonly etag?: string;
  /** Without it, ranges are not known to the server. */
  readonly ranges?: boolean;
  /** Bytes after which the connection is cut, or stands still. */
  readonly cutAfter?: number;
  readonly stallAfter?: number;
}

/** Answers with a file, as servers do. */
export function file(bytes: Buffer, options: FileOptions = {}): Answer {
  const { etag = '"v1"', ranges = true, cutAfter, stallAfter } = options;
  return (request, response) => {
    const { range, 'if-range': ifRange } = request.headers;
    const from = /^bytes=(\d+)-$/.exec(range ?? '')?.[1];
    const isRange = ranges && from !== undefined && (ifRange === undefined || ifRange === etag);
    const start = isRange ? Number(from) : 0;
    if (isRange && start >= bytes.length) {
      response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
      return;
    }
    const part = bytes.subarray(start);
    response.writeHead(isRange ? 206 : 200, {
      etag,
      'content-length': part.length,
      ...(isRange ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    const limit = cutAfter ?? stallAfter;
    if (limit === undefined) {
      response.end(part);
      return;
    }
    response.write(part.subarray(0, limit), () => {
      if (cutAfter !== undefined) setTimeout(() => response.destroy(), 50);
    });
  };
}

export function status(code: number, headers: Record<string, string> = {}): Answer {
  return (_request, response) => response.writeHead(code, headers).end();
}
