import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { FtctlError } from '../../errors/index.js';
import { diskError } from '../../util/atomic-file.js';
import { cacheError, inCache } from '../../util/cache-folder-error.js';
import { moveIntoPlace } from '../../util/cached-folder.js';
import { isFolder } from '../../util/is-folder.js';
import { fileDigest } from '../../util/digest.js';
import { download } from '../../util/download.js';
import { makeFolder } from '../../util/make-folder.js';
import { firstBytes, type OpenArchive, withArchive } from '../../util/open-archive.js';
import { takeProcessLock } from '../../util/process-lock.js';
import { archiveError, type UnpackLimits } from '../../util/unpack-guard.js';
import { unpackTarball } from '../../util/unpack-tarball.js';
import { unpackZip } from '../../util/unpack-zip.js';
import { readFailure } from '../../util/read-failure.js';

/** Called at each stage that takes time; bytes, and 0 of 0 where they are not known. */
export type ArchiveProgress = (message: string, done: number, total: number) => void;

export interface ArchiveOptions {
  readonly cacheDir: string;
  readonly onProgress?: ArchiveProgress | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits?: UnpackLimits;
}

/** A large set of images, and many times what image archives shrink to. */
const archiveLimits: UnpackLimits = {
  maxEntries: 5_000_000,
  maxBytes: 512 * 2 ** 30,
  maxRatio: 100,
};

/** How often a process looks whether another one is done with the same archive. */
const pollMs = 200;

/** Finder puts a second copy of each file's metadata there, in files that are named as images. */
const isIgnored = (path: string): boolean => /(^|\/)(__MACOSX|\.DS_Store)(\/|$)/.test(path);

/**
 * Gives the absolute folder of an archive's files, fetching and unpacking it on first use: `source` is an `https:` address
 * or the absolute path of a tar (plain or gzipped) or zip file, `sha256` its pinned hash (null: a file as it is). The
 * folder is named by the hash and appears whole or not at all; of several processes that ask at once, one does the work.
 *
 * Rejects with FT_DATA_ARCHIVE, FT_DATA_INTEGRITY, FT_DATA_NOT_FOUND, FT_DOWNLOAD_FAILED, FT_DOWNLOAD_INTEGRITY, FT_DISK_FULL,
 * FT_NOT_WRITABLE, or the signal's reason.
 */
export async function fetchArchive(
  source: string,
  sha256: string | null,
  options: ArchiveOptions,
): Promise<string> {
  if (/^https?:/.test(source)) {
    if (sha256 === null) throw new Error(`${source} came here without a hash`);
    return await once(sha256, options, async (unpack) => {
      const path = await fetchFile(source, sha256, options);
      await withArchive(path, unpack);
      await rm(path, { force: true }); // what was unpacked has the hash as its name
    });
  }
  const file = await open(source, 'r').catch((error: unknown) => {
    throw unreadable(source, error);
  });
  try {
    const archive = { path: source, file };
    const before = await versionOf(archive);
    const hash = await checkedHash(archive, sha256, options);
    return await once(hash, options, (unpack) =>
      unpack(archive, async () => {
        if ((await versionOf(archive)) === before) return;
        throw archiveError(source, 'it was written to while it was unpacked');
      }),
    );
  } finally {
    await file.close();
  }
}

function unreadable(archive: string, error: unknown): FtctlError {
  return new FtctlError('FT_DATA_NOT_FOUND', {
    what: `The archive ${archive} cannot be used: ${readFailure(error)}.`,
    cause: error,
  });
}

/** Changes whenever the open file is written to, and not where it is moved or removed. */
async function versionOf({ file }: OpenArchive): Promise<string> {
  const { size, mtimeNs } = await file.stat({ bigint: true });
  return [size, mtimeNs].join(' ');
}

/** Unpacks an archive, and moves the folder to where it belongs if `check` finds nothing. */
type Unpack = (archive: OpenArchive, check?: () => Promise<void>) => Promise<void>;

/** The folder of the archive with that hash; where it is not there yet, `work` is done once, by one process. */
async function once(
  hash: string,
  options: ArchiveOptions,
  work: (unpack: Unpack) => Promise<void>,
): Promise<string> {
  const folder = join(options.cacheDir, 'archives');
  const target = join(folder, hash);
  if (await isFolder(target)) return target;

  const own = join(folder, `.${hash}`);
  const lock = await takeTurn(own, target, options);
  if (lock === null) return target;
  try {
    await work((archive, check) =>
      unpackInto(target, join(own, 'unpacked'), archive, { ...options, check }),
    );
    return target;
  } finally {
    await lock.release();
  }
}

function fetchFile(url: string, sha256: string, options: ArchiveOptions): Promise<string> {
  const { cacheDir, limits = archiveLimits, onProgress, signal } = options;
  return download({
    ...{ url, expected: { algorithm: 'sha256', hex: sha256 }, cacheDir, signal },
    maxBytes: limits.maxBytes,
    onProgress: ({ message, done, total }) => onProgress?.(message, done, total),
  });
}

async function unpackInto(
  target: string,
  unpacked: string,
  archive: OpenArchive,
  options: ArchiveOptions & { readonly check: (() => Promise<void>) | undefined },
): Promise<void> {
  const { cacheDir, limits = archiveLimits, onProgress, signal, check } = options;
  try {
    await rm(unpacked, { recursive: true, force: true }); // of a process that was killed
    await mkdir(unpacked);
    const kind = await archiveKind(archive);
    const unpack = kind === 'zip' ? unpackZip : unpackTarball;
    let reported = 0;
    await unpack(archive, unpacked, {
      limits,
      isIgnored,
      signal,
      onProgress: (numBytes) => {
        if (numBytes < reported + 2 ** 22) return; // a few hundred reports for a gigabyte
        reported = numBytes;
        onProgress?.(`unpacking ${archive.path}`, numBytes, 0);
      },
    });
    await check?.();
    await moveIntoPlace(unpacked, target);
  } catch (error) {
    signal?.throwIfAborted();
    throw cacheError(error instanceof FtctlError ? error : diskError(error, unpacked), cacheDir);
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
}

/** The lock of the folder `work`, or null: meanwhile another process has made `target`. */
async function takeTurn(
  work: string,
  target: string,
  { cacheDir, onProgress, signal }: ArchiveOptions,
): Promise<{ release(): Promise<void> } | null> {
  await inCache(cacheDir, () => makeFolder(work));
  for (let turn = 0; ; turn += 1) {
    signal?.throwIfAborted();
    const taken = await takeProcessLock(work);
    if ('lock' in taken) {
      if (!(await isFolder(target))) return taken.lock;
      await taken.lock.release();
      return null;
    }
    if (await isFolder(target)) return null;
    if (turn === 0) onProgress?.('waiting for another process that unpacks the same archive', 0, 0);
    await setTimeout(pollMs, undefined, signal === undefined ? {} : { signal });
  }
}

async function checkedHash(
  { path, file }: OpenArchive,
  pinned: string | null,
  { onProgress, signal }: ArchiveOptions,
): Promise<string> {
  onProgress?.(`checking ${path}`, 0, 0);
  const actual = await fileDigest(file, 'sha256', signal).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw unreadable(path, error);
  });
  if (pinned !== null && actual !== pinned) {
    throw new FtctlError('FT_DATA_INTEGRITY', {
      what: `The archive ${path} has the SHA-256 ${actual}.`,
      why: `The configuration pins ${pinned}.`,
      details: { actual, pinned },
    });
  }
  return actual;
}

const refusedKinds = [
  ['\xfd7zXZ', 'xz'],
  ['BZh', 'bzip2'],
  ['\x28\xb5\x2f\xfd', 'zstd'],
  ['7z\xbc\xaf', '7-Zip'],
  ['Rar!', 'RAR'],
] as const;

/** What an archive is by its first bytes. Rejects with FT_DATA_ARCHIVE for one that is not read. */
async function archiveKind(archive: OpenArchive): Promise<'zip' | 'tar'> {
  const start = await startOf(archive);
  if (isZip(start)) return 'zip';
  if (isTar(start)) return 'tar';
  const other = refusedKinds.find(([signature]) => start.startsWith(signature))?.[1];
  throw archiveError(
    archive.path,
    other === undefined
      ? 'it is no archive; tar, gzipped tar and zip are read'
      : `it is compressed with ${other}; tar, gzipped tar and zip are read`,
  );
}

/** Whether a file looks like an archive, of a kind that is read or not. */
export async function isArchive(file: string): Promise<boolean> {
  const start = await withArchive(file, startOf);
  return isZip(start) || isTar(start) || refusedKinds.some(([kind]) => start.startsWith(kind));
}

/** A local file header, or the end of an archive without files. */
function isZip(start: string): boolean {
  return start.startsWith('PK\x03\x04') || start.startsWith('PK\x05\x06');
}

/** gzip, or a tar header: POSIX's and GNU's have a magic word at 257. */
function isTar(start: string): boolean {
  return start.startsWith('\x1f\x8b') || start.startsWith('ustar', 257);
}

async function startOf(archive: OpenArchive): Promise<string> {
  return (await firstBytes(archive, 512)).toString('latin1');
}

/**
 * The folder or manifest of an unpacked archive that the data is in: `within`, or the archive's top, or where a folder is alone
 * there, that one. Rejects with FT_DATA_NOT_FOUND.
 */
export async function dataInside(root: string, within: string | null): Promise<string> {
  if (within !== null) {
    const path = join(root, within);
    await stat(path).catch(async (error: unknown) => {
      const top = (await readdir(root)).filter((name) => !name.startsWith('.')).sort();
      throw new FtctlError('FT_DATA_NOT_FOUND', {
        what: `The archive has no ${within}.`,
        why: `At its top it has: ${top.slice(0, 10).join(', ')}${top.length > 10 ? ', ...' : ''}.`,
        remedy: 'Correct data.within.',
        cause: error,
      });
    });
    return path;
  }
  let folder = root;
  for (;;) {
    const entries = (await readdir(folder, { withFileTypes: true })).filter(
      ({ name }) => !name.startsWith('.'),
    );
    const [only] = entries;
    // A folder `train` that is alone is a fault of the data, which its own message tells better.
    if (entries.length !== 1 || !only?.isDirectory() || only.name === 'train') return folder;
    folder = join(folder, only.name);
  }
}
