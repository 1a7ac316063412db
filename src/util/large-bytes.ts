import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';

/*
 * Bytes without a limit of 2 GiB: in Node 20 a hash takes 2^31 - 1 bytes at once ("data is too long"), `readFile` refuses a file of
 * 2 GiB (ERR_FS_FILE_TOO_LARGE), and a read of more ends the process. Buffers have up to 4 GiB, and `writeFile` writes in pieces of its own.
 */

/** At once: hashed in about 50 ms. */
const pieceBytes = 64 * 2 ** 20;

/** SHA-256, also of more than 2 GiB. */
export function sha256Of(bytes: Uint8Array, chunkBytes = pieceBytes): Buffer {
  const hash = createHash('sha256');
  for (const chunk of chunksOf(bytes, chunkBytes)) hash.update(chunk);
  return hash.digest();
}

/** {@link sha256Of} for a thread that others wait for: between chunks the event loop turns. */
export async function sha256InTurns(bytes: Uint8Array, chunkBytes = 8 * 2 ** 20): Promise<Buffer> {
  const hash = createHash('sha256');
  for (const chunk of chunksOf(bytes, chunkBytes)) {
    hash.update(chunk);
    await setImmediate();
  }
  return hash.digest();
}

/** A whole file, also of more than 2 GiB. Rejects as reading does, and with a RangeError for more than a buffer holds. */
export async function readLargeFile(path: string, chunkBytes = pieceBytes): Promise<Buffer> {
  const file = await open(path, 'r');
  try {
    const bytes = Buffer.allocUnsafeSlow((await file.stat()).size);
    let filled = 0;
    while (filled < bytes.length) {
      const length = Math.min(chunkBytes, bytes.length - filled);
      const { bytesRead } = await file.read(bytes, filled, length, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    await file.close();
  }
}

function* chunksOf(bytes: Uint8Array, chunkBytes: number): Generator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += chunkBytes) {
    yield bytes.subarray(from, from + chunkBytes);
  }
}
