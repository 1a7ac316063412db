import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { cacheError, checkCache } from '../../../src/util/cache-folder-error.js';

let dir: string;
let isMounted = false;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-cache-'));
});
afterEach(async () => {
  if (isMounted) execFileSync('umount', [dir]);
  isMounted = false;
  await rm(dir, { recursive: true });
});

/** A file system of this size; false where the tests may not mount one. */
function mounted(size: string): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', dir], { stdio: 'ignore' });
    isMounted = true;
  } catch {
    // Not root.
  }
  return isMounted;
}

async function rejection(promise: Promise<unknown>): Promise<FtctlError> {
  return await promise.then(
    () => expect.unreachable('it did not reject'),
    (error: unknown) => error as FtctlError,
  );
}

const setting = '`cache.path` in the configuration, or the environment variable FTCTL_CACHE.';

describe('a cache folder that no run can be prepared with', () => {
  it('is refused at once, with the setting', async () => {
    const path = join(dir, 'file');
    await writeFile(path, '');
    const error = await rejection(checkCache(path));
    expect(error.code).toBe('FT_NOT_WRITABLE');
    expect(error.message).toBe(
      `The cache folder ${path} cannot be written. Cannot write ${path}: a file lies where its folder should be (EEXIST).`,
    );
    expect(error.remedy).toBe(`Remove that file, or choose another folder: ${setting}`);
  });

  it('is refused when its disk is full, and so is what is put there later', async (context) => {
    if (!mounted('512k')) context.skip();
    const full = await rejection(checkCache(dir));
    expect(full.code).toBe('FT_DISK_FULL');
    expect(full.message).toContain(`The disk of the cache folder ${dir} is full. Cannot write `);
    expect(full.remedy).toBe(`Free some space, or choose another folder: ${setting}`);
    expect(await readdir(dir)).toEqual([]);
    const later = await rejection(new BlobStore(dir).put(Buffer.alloc(600_000)));
    expect([later.code, later.remedy]).toEqual([full.code, full.remedy]);
  });

  it('leaves nothing in one that can be used', async () => {
    const fresh = join(dir, 'a', 'b');
    await checkCache(fresh);
    expect(await readdir(fresh)).toEqual([]);
  });

  it('is not looked for where there are blobs, which may be all that is needed', async (context) => {
    if (!mounted('512k')) context.skip();
    await mkdir(join(dir, 'blobs'));
    await expect(checkCache(dir)).resolves.toBeUndefined();
  });
});

it('errors of other things are not said of the cache folder', () => {
  const npm = new FtctlError('FT_DISK_FULL', { what: 'npm: no space.' });
  const data = new FtctlError('FT_DATA_EMPTY', { what: 'x', details: { path: 'x' } });
  for (const error of [npm, data, new Error('x')]) expect(cacheError(error, dir)).toBe(error);
});
