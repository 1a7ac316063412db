import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { diskError } from './atomic-file.js';
import { archiveError } from './unpack-guard.js';

/** What a file system says where a name is taken: in a folder that was empty, by another entry. */
const taken: ReadonlySet<unknown> = new Set(['EEXIST', 'ENOTDIR', 'EISDIR']);

/**
 * The empty folder that an archive is unpacked into, after a guard has looked at each path. The file system itself tells two entries of
 * one name, also where it takes names for the same that differ in case.
 */
export class UnpackedFolder {
  readonly #dir: string;
  /** Most files lie where the one before does. */
  #lastFolder: string | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Rejects as mkdir does, or with an Error that says which name is taken. */
  async makeFolder(path: string): Promise<void> {
    if (path === this.#lastFolder) return;
    try {
      await mkdir(join(this.#dir, path), { recursive: true });
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new Error(`it has a file where ${path} is a folder`, { cause: error });
    }
    this.#lastFolder = path;
  }

  /** A new file, to be written and closed. Rejects as opening does, or with an Error that says which name is taken. */
  async createFile(path: string): Promise<FileHandle> {
    await this.makeFolder(dirname(path));
    try {
      return await open(join(this.#dir, path), 'wx', 0o644);
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new Error(`two of its entries are called ${path}`, { cause: error });
    }
  }

  /** What an error means that came up while `archive` was unpacked: the disk's fault, or else the archive's. */
  errorOf(error: unknown, archive: string): FtctlError {
    if (error instanceof FtctlError) return error;
    const onDisk = diskError(error, this.#dir);
    if (onDisk.code !== 'FT_INTERNAL') return onDisk;
    return archiveError(archive, error instanceof Error ? error.message : String(error), error);
  }
}

function isTaken(error: unknown): boolean {
  return taken.has((error as NodeJS.ErrnoException).code);
}
