import { createHash } from 'node:crypto';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { writeFileAtomic } from './atomic-file.js';
import { inCache } from './cache-folder-error.js';
import { makeFolder } from './make-folder.js';

/** Lower-case hex SHA-256. */
export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/**
 * Files that are named by their contents: `<cacheDir>/blobs/<sha256>`. Processes share it without locks, as a blob is
 * written under a temporary name and renamed, and all writers of a name write the same bytes.
 */
export class BlobStore {
  readonly #cacheDir: string;
  readonly #dir: string;

  constructor(cacheDir: string) {
    this.#cacheDir = cacheDir;
    this.#dir = join(cacheDir, 'blobs');
  }

  /** Where a blob lies, or would. */
  path(sha256: string): string {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Error(`not a SHA-256: ${sha256}`);
    return join(this.#dir, sha256);
  }

  /** Whether the blob is there; its contents are not looked at. */
  async has(sha256: string): Promise<boolean> {
    try {
      return (await stat(this.path(sha256))).isFile();
    } catch {
      return false;
    }
  }

  /** Stores bytes durably and gives their name. Rejects with FT_DISK_FULL or FT_NOT_WRITABLE. */
  async put(bytes: Uint8Array): Promise<string> {
    const sha256 = sha256Hex(bytes);
    // What lies there under the name is replaced unless it is intact: a put mends a damaged blob.
    if (await this.#isIntact(sha256, bytes.length)) return sha256;
    await inCache(this.#cacheDir, async () => {
      await makeFolder(this.#dir);
      await writeFileAtomic(this.path(sha256), bytes);
    });
    return sha256;
  }

  async #isIntact(sha256: string, numBytes: number): Promise<boolean> {
    try {
      const path = this.path(sha256);
      if ((await stat(path)).size !== numBytes) return false;
      return sha256Hex(await readFile(path)) === sha256;
    } catch {
      return false;
    }
  }

  /**
   * A blob's bytes, compared with its name. Rejects with FT_BLOB_MISSING, or with FT_BLOB_DAMAGED after removing the file, so
   * that it is made anew.
   */
  async read(sha256: string): Promise<Buffer> {
    const path = this.path(sha256);
    let bytes: Buffer;
    try {
      bytes = await readFile(path);
    } catch (error) {
      throw new FtctlError('FT_BLOB_MISSING', {
        what: `The cached file ${path} cannot be read.`,
        cause: error,
        details: { path },
      });
    }
    const actual = sha256Hex(bytes);
    if (actual === sha256) return bytes;
    await rm(path, { force: true });
    throw new FtctlError('FT_BLOB_DAMAGED', {
      what: `The cached file ${path} is damaged.`,
      why: `Its SHA-256 is ${actual}.`,
      details: { path, expected: sha256, actual },
    });
  }
}
