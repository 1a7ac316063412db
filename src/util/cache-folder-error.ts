import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { writeFileAtomic } from './atomic-file.js';
import { isFolder } from './is-folder.js';
import { makeFolder } from './make-folder.js';

/** How another cache folder is chosen, for messages. */
export const cacheSetting =
  '`cache.path` in the configuration, or the environment variable FTCTL_CACHE';

/** Less free space than this is a full disk: a decoded image or a row of features would fit, a backbone would not. */
const probeBytes = 1024 * 1024;

/** FT_DISK_FULL and FT_NOT_WRITABLE of a path said of the cache folder, with the setting that chooses another; others pass through. */
export function cacheError(error: unknown, cacheDir: string): unknown {
  if (!(error instanceof FtctlError) || error.details?.['path'] === undefined) return error;
  const { code, message: why, details } = error;
  const choose = `choose another folder: ${cacheSetting}.`;
  if (code === 'FT_DISK_FULL') {
    return new FtctlError(code, {
      what: `The disk of the cache folder ${cacheDir} is full.`,
      ...{ why, remedy: `Free some space, or ${choose}`, cause: error, details },
    });
  }
  if (code === 'FT_NOT_WRITABLE') {
    return new FtctlError(code, {
      what: `The cache folder ${cacheDir} cannot be written.`,
      ...{
        why,
        remedy: error.remedy.replace(/choose another folder\.$/, () => choose),
        cause: error,
        details,
      },
    });
  }
  return error;
}

/** Runs `work`, which writes in the cache folder; its FT_DISK_FULL and FT_NOT_WRITABLE are said of that. */
export async function inCache<T>(cacheDir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw cacheError(error, cacheDir);
  }
}

/**
 * Rejects with FT_DISK_FULL or FT_NOT_WRITABLE where a cache folder (made if absent) has no blobs and cannot take a file of
 * 1 MiB: no run can be prepared with it. One that has blobs may have all that a run reads, so it is not looked at here.
 */
export async function checkCache(cacheDir: string): Promise<void> {
  if (await isFolder(join(cacheDir, 'blobs'))) return;
  await inCache(cacheDir, async () => {
    await makeFolder(cacheDir);
    const probe = join(cacheDir, `writable.${process.pid}`);
    await writeFileAtomic(probe, Buffer.alloc(probeBytes));
    await rm(probe, { force: true });
  });
}
