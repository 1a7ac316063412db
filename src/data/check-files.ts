import { createHash } from 'node:crypto';
import { type BigIntStats, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { FtctlError } from '../errors/index.js';
import { decodeImage, decodeKey, type DecodeOptions } from './decode.js';
import { type FileVerdict, FileVerdicts } from './file-verdicts.js';
import type { PixelCache } from './pixel-cache.js';
import { readFailure } from '../util/read-failure.js';

export interface CheckFilesOptions {
  readonly root: string;
  readonly cacheDir: string;
  readonly pixelCache: PixelCache;
  readonly decode: DecodeOptions;
  readonly onProgress?: (done: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Larger files are not read: four times what a hundred megapixels take uncompressed. */
const maxFileBytes = 4 * 3 * 100 * 1e6;

/** Looking at a file takes microseconds here, and several times that through a thread pool; so many, then a pause. */
const statsPerTurn = 64;

/**
 * Hashes and decodes each file, a few at a time, and says of each whether it can be used; decoded images go into the
 * pixel cache. What was found out in an earlier run about a file that has not changed since is believed. Returns one
 * verdict per path, in order; a file that cannot be read has an empty hash.
 */
export async function checkFiles(
  paths: readonly string[],
  options: CheckFilesOptions,
): Promise<FileVerdict[]> {
  const verdicts = await FileVerdicts.open(options.cacheDir, options.root);
  const results = new Array<FileVerdict>(paths.length);
  const unknown: { readonly place: number; readonly stats: BigIntStats }[] = [];
  for (let place = 0; place < paths.length; place += 1) {
    if (place % statsPerTurn === 0) await setImmediate();
    options.signal?.throwIfAborted();
    const found = lookAt(resolve(options.root, paths[place]!));
    if ('reason' in found) results[place] = found;
    else {
      const known = verdicts.get(paths[place]!, found);
      if (known === undefined) unknown.push({ place, stats: found });
      else results[place] = known;
    }
  }

  let next = 0;
  let numDone = paths.length - unknown.length;
  const work = async (): Promise<void> => {
    while (next < unknown.length) {
      options.signal?.throwIfAborted();
      const { place, stats } = unknown[next++]!;
      results[place] = await checkFile(paths[place]!, stats, verdicts, options);
      numDone += 1;
      options.onProgress?.(numDone);
    }
  };
  // libuv runs file reads and decoding on 4 threads by default: more at once only queue, and hold memory.
  const numWorkers = Math.min(8, Math.max(4, availableParallelism()));
  try {
    await Promise.all(Array.from({ length: numWorkers }, work));
  } finally {
    await verdicts.save(); // also after an abort: what was checked needn't be checked again
  }
  return results;
}

/** A file's stats, or the verdict on what is no file that could be read. */
function lookAt(file: string): BigIntStats | FileVerdict {
  try {
    const stats = statSync(file, { bigint: true });
    if (!stats.isFile()) return { sha256: '', reason: 'it is no plain file' };
    if (stats.size > maxFileBytes) {
      return { sha256: '', reason: `it is larger than ${maxFileBytes} bytes` };
    }
    return stats;
  } catch (error) {
    return { sha256: '', reason: readFailure(error) };
  }
}

async function checkFile(
  path: string,
  stats: BigIntStats,
  verdicts: FileVerdicts,
  options: CheckFilesOptions,
): Promise<FileVerdict> {
  const file = resolve(options.root, path);
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    return { sha256: '', reason: readFailure(error) };
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const verdict = { sha256, reason: await decodeIntoCache(bytes, sha256, options) };
  verdicts.set(path, stats, verdict);
  return verdict;
}

/** Decodes unless the same bytes were decoded before; returns why it cannot be done, or null. */
async function decodeIntoCache(
  bytes: Buffer,
  sha256: string,
  { pixelCache, decode }: CheckFilesOptions,
): Promise<string | null> {
  const key = decodeKey(sha256, decode);
  if (pixelCache.get(key) !== undefined) return null;
  try {
    pixelCache.put(key, await decodeImage(bytes, decode));
    return null;
  } catch (error) {
    if (error instanceof FtctlError && error.code === 'FT_DATA_BAD_FILE') {
      return String(error.details?.['reason']);
    }
    throw error;
  }
}
