import { createHash } from 'node:crypto';
import type { ClientReadableStream, ServerWritableStream } from '@grpc/grpc-js';
import { FtctlError } from '../errors/index.js';
import { abortError } from './abort-error.js';
import { isServiceError } from './channel.js';
import { type Callee, fromStatus, toStatus } from './status.js';

export const CHUNK_BYTES = 256 * 1024;
/** What a buffer holds; a peer cannot make us allocate more. A larger state is refused before a run begins. */
export const MAX_TOTAL_BYTES = 4 * 1024 ** 3 - 1;

/** What GetBlob and FetchState stream. */
interface Chunk {
  totalBytes: number;
  chunk: Buffer;
  sha256: string;
}

/** The calls' implementation: looks the bytes up and streams them, or ends the call with the error. */
export async function serveBytes<Request>(
  call: ServerWritableStream<Request, Partial<Chunk>>,
  lookUp: () => Promise<Uint8Array>,
): Promise<void> {
  try {
    await sendBytes(call, await lookUp());
  } catch (error) {
    call.emit('error', toStatus(error));
  }
}

async function sendBytes<Request>(
  call: ServerWritableStream<Request, Partial<Chunk>>,
  bytes: Uint8Array,
): Promise<void> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const hash = createHash('sha256');
  for (let start = 0; start === 0 || start < whole.length; start += CHUNK_BYTES) {
    const chunk = whole.subarray(start, start + CHUNK_BYTES);
    hash.update(chunk);
    const isLast = start + CHUNK_BYTES >= whole.length;
    const hasRoom = call.write({
      totalBytes: start === 0 ? whole.length : 0,
      chunk,
      sha256: isLast ? hash.digest('hex') : '',
    });
    if (!hasRoom && !(await drained(call))) return;
  }
  call.end();
}

/** Resolves to false if the receiver went away instead. */
function drained<Request>(call: ServerWritableStream<Request, Partial<Chunk>>): Promise<boolean> {
  if (call.cancelled) return Promise.resolve(false);
  return new Promise((resolve) => {
    const onDrain = (): void => {
      call.off('cancelled', onCancelled);
      resolve(true);
    };
    const onCancelled = (): void => {
      call.off('drain', onDrain);
      resolve(false);
    };
    call.once('drain', onDrain);
    call.once('cancelled', onCancelled);
  });
}

/**
 * The bytes of a stream, with their SHA-256 compared. Rejects with FT_TRANSFER_DAMAGED, with what the sender
 * answered, or with the signal's reason.
 */
export function receiveBytes(
  call: ClientReadableStream<Chunk>,
  o: { what: string; callee: Callee; signal: AbortSignal; /** What it must be. */ sha256?: string },
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let whole: Buffer | undefined;
    let filled = 0;
    let expected = '';
    const hash = createHash('sha256');
    const settle = (finish: () => void): void => {
      o.signal.removeEventListener('abort', onAbort);
      finish();
    };
    const fail = (error: Error): void => {
      settle(() => {
        reject(error);
      });
      call.cancel();
    };
    const damaged = (why: string): FtctlError =>
      new FtctlError('FT_TRANSFER_DAMAGED', { what: `${o.what} did not arrive whole.`, why });
    const onAbort = (): void => {
      fail(abortError(o.signal));
    };
    call.on('data', (message: Chunk) => {
      if (whole === undefined) {
        if (message.totalBytes > MAX_TOTAL_BYTES) {
          fail(damaged(`${message.totalBytes} bytes are announced; at most ${MAX_TOTAL_BYTES}.`));
          return;
        }
        whole = Buffer.allocUnsafe(message.totalBytes);
      }
      if (filled + message.chunk.length > whole.length) {
        fail(damaged(`More than the announced ${whole.length} bytes came.`));
        return;
      }
      hash.update(message.chunk);
      whole.set(message.chunk, filled);
      filled += message.chunk.length;
      if (message.sha256 !== '') expected = o.sha256 ?? message.sha256;
    });
    call.on('error', (error) => {
      settle(() => {
        reject(isServiceError(error) ? fromStatus(error, o.callee) : error);
      });
    });
    call.on('end', () => {
      const bytes = whole;
      settle(() => {
        if (bytes === undefined || filled !== bytes.length) {
          reject(damaged(`${filled} of ${bytes?.length ?? 0} bytes came.`));
        } else if (hash.digest('hex') !== expected) {
          reject(damaged('The bytes do not have the SHA-256 that they should have.'));
        } else {
          resolve(bytes);
        }
      });
    });
    o.signal.addEventListener('abort', onAbort, { once: true });
    if (o.signal.aborted) onAbort();
  });
}
