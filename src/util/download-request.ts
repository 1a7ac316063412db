import type { FileHandle } from 'node:fs/promises';

/** How a file on a server is told from a later one of the same address, and its size; null: the server does not say. */
export interface RemoteFile {
  /** A strong ETag or a date, as `If-Range` takes it. */
  readonly validator: string | null;
  readonly numBytes: number | null;
}

/** A request failed. `isRetryable`: it may go better another time. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly isRetryable: boolean;
  readonly status: number | undefined;
  /** What the server asks to wait, in ms. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: {
      readonly isRetryable: boolean;
      readonly status?: number;
      readonly retryAfterMs?: number | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.isRetryable = options.isRetryable;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

export interface RequestOptions {
  readonly url: URL;
  /** Takes the bytes, at their place in the file. */
  readonly file: FileHandle;
  /** Bytes that the file already has. */
  readonly start: number;
  readonly validator: string | null;
  readonly maxBytes: number;
  /** A server that sends nothing for so long is given up. */
  readonly stallMs: number;
  /** Told before the first byte is written: with `start` 0 the file begins anew. */
  readonly onStart: (start: number, remote: RemoteFile) => Promise<void>;
  readonly onBytes: (done: number, total: number | null) => void;
  readonly signal?: AbortSignal | undefined;
}

const maxRedirects = 5;
/** Timeouts, a busy server, and what proxies say of a server that is starting. */
const retryableStatuses = new Set([408, 425, 429, 500, 502, 503, 504]);
/** More than this is no wait that a user would sit through. */
const maxRetryAfterMs = 60_000;

/** https, or http on this machine itself, where nobody listens in. */
export function isAllowedUrl(url: URL): boolean {
  if (url.protocol === 'https:') return true;
  return url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
}

/** Words for what fetch threw: its own message is always "fetch failed". */
function networkReason(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const inner = cause instanceof AggregateError ? (cause.errors as unknown[])[0] : cause;
  const reason = inner ?? error;
  return reason instanceof Error && reason.message !== '' ? reason.message : String(reason);
}

function strongValidator(headers: Headers): string | null {
  const etag = headers.get('etag');
  if (etag?.startsWith('"') === true) return etag;
  return headers.get('last-modified');
}

function lengthOf(headers: Headers): number | null {
  const text = headers.get('content-length');
  // What is encoded on the way has another length than the file.
  if (text === null || headers.get('content-encoding') !== null) return null;
  return /^\d{1,15}$/.test(text) ? Number(text) : null;
}

/** Follows redirects by hand: each address must be as safe as the first. */
async function fetchFollowing(url: URL, headers: Headers, signal: AbortSignal): Promise<Response> {
  let address = url;
  for (let i = 0; i <= maxRedirects; i++) {
    if (!isAllowedUrl(address)) {
      throw new RequestError(`it leads to ${address.href}, which is not https`, {
        isRetryable: false,
      });
    }
    const response = await fetch(address, { headers, redirect: 'manual', signal });
    const location = response.headers.get('location');
    if (response.status < 300 || response.status >= 400 || location === null) return response;
    await response.body?.cancel();
    address = new URL(location, address);
  }
  throw new RequestError(`it leads on more than ${maxRedirects} times`, { isRetryable: false });
}

function statusError(response: Response): RequestError {
  const { status } = response;
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  return new RequestError(`the server answers ${status} ${response.statusText}`.trimEnd(), {
    isRetryable: retryableStatuses.has(status),
    status,
    retryAfterMs: seconds >= 0 ? Math.min(seconds * 1000, maxRetryAfterMs) : undefined,
  });
}

/** Where the answer's bytes belong, and how large the whole file is. */
function placeOf(response: Response, asked: number): { start: number; total: number | null } {
  if (response.status === 200) return { start: 0, total: lengthOf(response.headers) };
  const range = response.headers.get('content-range') ?? '';
  const [, first, total] = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15}|\*)$/.exec(range) ?? [];
  if (Number(first) !== asked) {
    throw new RequestError(`the server sends the range ${JSON.stringify(range)} for ${asked}-`, {
      isRetryable: false,
    });
  }
  return { start: asked, total: total === '*' ? null : Number(total) };
}

/**
 * Makes one request for a file's bytes from `start` on and writes what comes. Resolves when the file is whole; rejects with
 * RequestError, with what writing gives, or with the signal's reason. What was written before it failed stays.
 */
export async function requestBytes(options: RequestOptions): Promise<void> {
  const { url, start: asked, validator, signal, stallMs } = options;
  const stall = new AbortController();
  const restartTimer = (): NodeJS.Timeout =>
    setTimeout(() => {
      stall.abort(
        new RequestError(`the server sent nothing for ${stallMs / 1000} s`, { isRetryable: true }),
      );
    }, stallMs);
  let timer = restartTimer();
  const headers = new Headers({ 'accept-encoding': 'identity' });
  if (asked > 0) {
    headers.set('range', `bytes=${asked}-`);
    if (validator !== null) headers.set('if-range', validator);
  }
  const both = signal === undefined ? stall.signal : AbortSignal.any([signal, stall.signal]);
  try {
    const response = await fetchFollowing(url, headers, both);
    if (response.status !== 200 && response.status !== 206) {
      await response.body?.cancel();
      throw statusError(response);
    }
    await receive(response, options, () => {
      clearTimeout(timer);
      timer = restartTimer();
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (stall.signal.aborted) throw stall.signal.reason as RequestError;
    // fetch and its bodies throw TypeErrors; all else is ours or the disk's.
    if (!(error instanceof TypeError)) throw error;
    throw new RequestError(networkReason(error), { isRetryable: true, cause: error });
  } finally {
    clearTimeout(timer);
  }
}

async function receive(
  response: Response,
  { file, start: asked, maxBytes, onStart, onBytes }: RequestOptions,
  onAlive: () => void,
): Promise<void> {
  const { start, total } = placeOf(response, asked);
  const checkSize = (numBytes: number): void => {
    if (numBytes <= maxBytes) return;
    throw new RequestError(`it has ${numBytes} bytes or more, over ${maxBytes}`, {
      isRetryable: false,
    });
  };
  checkSize(total ?? 0);
  await onStart(start, { validator: strongValidator(response.headers), numBytes: total });
  let position = start;
  const body = response.body as AsyncIterable<Uint8Array> | null;
  for await (const chunk of body ?? []) {
    onAlive();
    checkSize(position + chunk.length);
    await file.write(chunk, 0, chunk.length, position);
    position += chunk.length;
    onBytes(position, total);
  }
  if (total !== null && position !== total) {
    throw new RequestError(`the connection ended after ${position} of ${total} bytes`, {
      isRetryable: true,
    });
  }
}
