import { type FileHandle, open, readdir, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { FtctlError } from '../errors/index.js';

const fullDisk = new Set(['ENOSPC', 'EDQUOT']);
const notWritable = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'ENOTDIR', 'EISDIR', 'EEXIST']);

/** Temporary names end so; a process that was killed can leave one behind, see {@link removeTemporaries}. */
const temporaryPattern = /^\..+\.\d+-\d+\.tmp$/;

let numWrites = 0;

/**
 * Replaces `path` by `bytes` so that a reader, or the machine after a power cut, sees the old file or the new one
 * and never a part: temporary name, fsync, rename, fsync of the folder. The temporary file is removed on failure.
 * Rejects with FT_DISK_FULL or FT_NOT_WRITABLE; the folder must exist. `mode` is the new file's, before the umask.
 */
export async function writeFileAtomic(
  path: string,
  bytes: Uint8Array | string,
  mode = 0o666,
): Promise<void> {
  await writeAtomic(path, (file) => file.writeFile(bytes), mode);
}

/**
 * {@link writeFileAtomic} of a file that `write` writes piece by piece. Rejects with what `write` rejects with where that is an
 * FtctlError; the old file is then still there.
 */
export async function writeAtomic(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  mode = 0o666,
): Promise<void> {
  try {
    await replaceFile(path, write, mode);
  } catch (error) {
    throw error instanceof FtctlError ? error : diskError(error, path);
  }
}

async function replaceFile(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  mode: number,
): Promise<void> {
  const { file, temporary } = await openTemporary(path, mode);
  try {
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path));
}

async function openTemporary(
  path: string,
  mode: number,
): Promise<{ file: FileHandle; temporary: string }> {
  for (;;) {
    numWrites += 1;
    const name = `.${basename(path)}.${String(process.pid)}-${String(numWrites)}.tmp`;
    const temporary = join(dirname(path), name);
    try {
      // Exclusive: in containers every process can have pid 1, and a killed one's file may still lie there.
      return { file: await open(temporary, 'wx', mode), temporary };
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error;
    }
  }
}

/** Makes renames and new names in a folder survive a power cut. */
export async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, 'r');
  try {
    await folder.sync();
  } catch (error) {
    // Some network file systems cannot fsync a folder, and have nothing to lose by it.
    const code = errorCode(error);
    if (code !== 'EINVAL' && code !== 'ENOTSUP') throw error;
  } finally {
    await folder.close();
  }
}

/** Deletes what killed writers left in `dir`; call it only where no other process writes. Returns the names. */
export async function removeTemporaries(dir: string): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => temporaryPattern.test(name));
  await Promise.all(names.map((name) => unlink(join(dir, name)).catch(() => undefined)));
  return names.sort();
}

/** What a failed write means to a user: FT_DISK_FULL, FT_NOT_WRITABLE, or FT_INTERNAL for what is not foreseen. */
export function diskError(error: unknown, path: string): FtctlError {
  const code = errorCode(error);
  if (code !== undefined && fullDisk.has(code)) {
    return new FtctlError('FT_DISK_FULL', {
      what: `Cannot write ${path}: no space is left on the disk (${code}).`,
      cause: error,
      details: { path },
    });
  }
  if (code !== undefined && notWritable.has(code)) {
    return new FtctlError('FT_NOT_WRITABLE', {
      what: `Cannot write ${path}: ${reasons[code] ?? 'not permitted'} (${code}).`,
      ...(code in repairs
        ? {
            remedy: `${repairs[code]!}, or choose another ${code === 'EISDIR' ? 'name' : 'folder'}.`,
          }
        : {}),
      cause: error,
      details: { path },
    });
  }
  return FtctlError.from(error);
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'a part of its path is a file, not a folder',
  EISDIR: 'it is a folder',
  EEXIST: 'a file lies where its folder should be',
};

/** What to do where permissions are not what is wrong. */
const repairs: Readonly<Record<string, string>> = {
  EROFS: 'Mount it for writing',
  ENOENT: 'Make it',
  EISDIR: 'Name a file in it',
  ENOTDIR: 'Remove that file',
  EEXIST: 'Remove that file',
};

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
