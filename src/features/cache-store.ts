import { crc32 } from 'node:zlib';
import type { RootDatabase } from 'lmdb';
import { cacheSetting } from '../util/cache-folder-error.js';
import { isDiskFull, judgeFolder, markClean, moveAside } from './cache-folder.js';
import { lmdbOptions } from './lmdb-options.js';

export interface CacheStoreOptions {
  readonly readOnly?: boolean;
  /** Called once for each reason why the cache helps less than it could. The run goes on. */
  readonly onWarning: (message: string) => void;
}

type Database = RootDatabase<Uint8Array, Uint8Array>;

interface OpenDatabase {
  readonly db: Database;
  /** A commit returns when it is on the disk, and flushes after it gave the writer's lock back. */
  readonly commitFlags: number;
}

const elsewhere = `Another folder is chosen by ${cacheSetting}.`;

/** Queued writes are committed in one transaction (one flush to the disk) from this size on. */
const flushBytes = 4 * 1024 * 1024;

/**
 * Bytes by 32-byte key in one lmdb environment. Belongs to one thread, which reads and commits block; any number of
 * threads and processes may have the same folder open. An entry is [CRC-32 of key and bytes, uint32 little endian][bytes]
 * and is checked at each read: a damaged one counts as absent, and is deleted. No failure gets out of here: a cache
 * that cannot be written is only read, one that cannot be read is empty, and `onWarning` says so.
 */
export class CacheStore {
  readonly #dir: string;
  readonly #warn: (message: string) => void;
  #open: OpenDatabase | undefined;
  #writable: boolean;
  /** Not yet committed, by key as latin1; undefined: to be deleted. */
  readonly #queue = new Map<string, Uint8Array | undefined>();
  #queuedBytes = 0;
  readonly #isWriter: boolean;
  #isBroken = false;

  private constructor(
    dir: string,
    open: OpenDatabase | undefined,
    writable: boolean,
    warn: (message: string) => void,
  ) {
    this.#dir = dir;
    this.#open = open;
    this.#writable = writable;
    this.#isWriter = writable;
    this.#warn = warn;
  }

  /** Opens or makes the cache in `dir`. Never rejects: the worst is a store that keeps nothing. */
  static async open(dir: string, options: CacheStoreOptions): Promise<CacheStore> {
    const { onWarning } = options;
    const nothing = (reason: string): CacheStore => {
      onWarning(`The cache ${dir} is not used: ${reason}. ${elsewhere}`);
      return new CacheStore(dir, undefined, false, onWarning);
    };
    try {
      let verdict = await judgeFolder(dir, options.readOnly ?? false);
      if (verdict.state === 'damaged' && options.readOnly !== true) {
        const { reason } = verdict;
        const aside = await moveAside(dir);
        onWarning(
          `The cache ${dir} is damaged (${reason}); it was moved to ${aside} and starts anew.`,
        );
        verdict = await judgeFolder(dir, false);
      }
      if (verdict.state !== 'usable') return nothing(verdict.reason);
      if (verdict.readOnly && options.readOnly !== true) {
        onWarning(`The cache ${dir} cannot be written; it is only read. ${elsewhere}`);
      }
      const lmdb = await import('lmdb');
      const { SYNCHRONOUS_COMMIT, NO_SYNC_FLUSH } = lmdb.TransactionFlags;
      const db: Database = lmdb.open({ ...lmdbOptions(dir), readOnly: verdict.readOnly });
      const open = { db, commitFlags: SYNCHRONOUS_COMMIT | NO_SYNC_FLUSH };
      return new CacheStore(dir, open, !verdict.readOnly, onWarning);
    } catch (error) {
      return nothing(messageOf(error));
    }
  }

  /** The entry's bytes, in memory of their own; undefined if absent or damaged. */
  get(key: Uint8Array): Uint8Array | undefined {
    const name = nameOf(key);
    const queued = this.#queue.get(name);
    if (queued !== undefined) return queued.subarray(4);
    if (this.#open === undefined || this.#queue.has(name)) return undefined;
    let entry: Uint8Array | undefined;
    try {
      entry = this.#open.db.getBinary(key);
    } catch (error) {
      this.#breakOff(error);
      return undefined;
    }
    if (entry === undefined) return undefined;
    if (isWhole(key, entry)) return entry.subarray(4);
    this.remove(key);
    return undefined;
  }

  /** Queues an entry made of `parts`, which are copied. */
  put(key: Uint8Array, ...parts: readonly Uint8Array[]): void {
    if (!this.#writable) return;
    const entry = Buffer.allocUnsafeSlow(4 + parts.reduce((sum, part) => sum + part.byteLength, 0));
    let offset = 4;
    for (const part of parts) {
      entry.set(part, offset);
      offset += part.byteLength;
    }
    entry.writeUInt32LE(crc32(entry.subarray(4), crc32(key)), 0);
    this.#queue.set(nameOf(key), entry);
    this.#queuedBytes += entry.length;
    if (this.#queuedBytes >= flushBytes) this.flush();
  }

  /** Queues a deletion. */
  remove(key: Uint8Array): void {
    if (this.#writable) this.#queue.set(nameOf(key), undefined);
  }

  /** Commits what is queued, in one transaction. Blocks for the disk. */
  flush(): void {
    if (this.#open === undefined || this.#queue.size === 0) return;
    const { db, commitFlags } = this.#open;
    try {
      // Synchronous on purpose: an asynchronous put that fails also raises an unhandled rejection in lmdb.
      const commit = (): void => {
        for (const [name, entry] of this.#queue) {
          const key = Buffer.from(name, 'latin1');
          if (entry === undefined) db.removeSync(key);
          else db.putSync(key, entry);
        }
      };
      // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- an enum that is a bit mask
      db.transactionSync(commit, commitFlags);
    } catch (error) {
      if (isLmdbError(error)) this.#breakOff(error);
      else this.#stopWriting(error);
    }
    this.#queue.clear();
    this.#queuedBytes = 0;
  }

  async close(): Promise<void> {
    this.flush();
    const open = this.#open;
    this.#open = undefined;
    this.#writable = false;
    if (open === undefined) return;
    try {
      await open.db.close();
      if (this.#isWriter && !this.#isBroken) await markClean(this.#dir);
    } catch (error) {
      this.#breakOff(error);
    }
  }

  #stopWriting(error: unknown): void {
    this.#writable = false;
    const reason = isDiskFull(this.#dir) ? 'no space is left on the disk' : messageOf(error);
    this.#warn(
      `The cache ${this.#dir} cannot be written (${reason}); from here on it is only read. ${elsewhere}`,
    );
  }

  #breakOff(error: unknown): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#writable = false;
    this.#open = undefined;
    this.#queue.clear();
    this.#warn(`The cache ${this.#dir} is damaged (${messageOf(error)}) and is not used any more.`);
  }
}

function isWhole(key: Uint8Array, entry: Uint8Array): boolean {
  if (entry.length < 4) return false;
  const stored = new DataView(entry.buffer, entry.byteOffset, 4).getUint32(0, true);
  return crc32(entry.subarray(4), crc32(key)) === stored;
}

function isLmdbError(error: unknown): boolean {
  return messageOf(error).startsWith('MDB_');
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
