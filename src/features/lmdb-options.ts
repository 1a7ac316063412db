import type { RootDatabaseOptionsWithPath } from 'lmdb';

/** Keys are SHA-256 digests. */
export const cacheKeyLength = 32;

/** Room for all reader slots, of 64 bytes each, and the lock file's head. */
export const lockFileBytes = 1024 * 64 + 4096;

/**
 * How every process and thread opens a cache. One environment per kind of entry, in its root database.
 *
 * - Flushing stays at lmdb's default (overlappingSync, fdatasync at Windows): a commit is visible at once, is flushed
 *   after the writer's lock is released, and the last flushed root is kept until then. A power cut loses the newest
 *   entries and never breaks the tree; `noSync` would be faster and could break it.
 * - Pages of 4096 bytes everywhere, so that a file has one layout.
 * - 1024 reader slots: one is taken by each thread of each process that shares the cache.
 */
export function lmdbOptions(path: string): RootDatabaseOptionsWithPath {
  return {
    path,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    pageSize: 4096,
    maxReaders: 1024,
  };
}
