import type { RootDatabaseOptionsWithPath } from 'lmdb';

/** Keys are SHA-256 digests. */
export const cacheKeyLength = 32;

/**
 * How every process and thread opens a cache. One environment per kind of entry, in its root database.
 *
 * - Flushing stays at lmdb's default (overlappingSync, fdatasync at Windows): a commit is visible at once, is flushed
 *   after the writer's lock is released, and the last flushed root is kept until then. A power cut loses the newest
 *   entries and never breaks the tree; `noSync` would be faster and could break it.
 * - Pages of 4096 bytes everywhere, so that a file has one layout.
 * - 2048 reader slots (128 bytes each): a slot is taken by each thread of each process that shares the cache.
 */
export function lmdbOptions(path: string): RootDatabaseOptionsWithPath {
  return {
    path,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    pageSize: 4096,
    maxReaders: 2048,
  };
}
