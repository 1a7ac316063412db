import { type ReadEntry, x as extract } from 'tar';
import { FtctlError } from '../errors/index.js';
import { diskError } from './atomic-file.js';

/** What an archive may hold at most. */
export interface UnpackLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

const defaultLimits: UnpackLimits = { maxEntries: 200_000, maxBytes: 4 * 2 ** 30 };

/**
 * Unpacks a gzipped tarball into the existing, empty folder `dir`, without each path's first component (npm's
 * `package/`). Only plain files and folders are written, and only below `dir`; anything else, too much of it, or a
 * damaged archive rejects with FT_DATA_ARCHIVE and leaves `dir` half filled. A full disk rejects with FT_DISK_FULL.
 */
export async function unpackTarball(
  tarball: string,
  dir: string,
  limits: UnpackLimits = defaultLimits,
): Promise<void> {
  const refusals: string[] = [];
  let numEntries = 0;
  let numBytes = 0;
  const refuse = (reason: string): boolean => {
    refusals.push(reason);
    return false;
  };
  try {
    await extract({
      file: tarball,
      cwd: dir,
      strip: 1,
      strict: true,
      filter: (path, item) => {
        // While extracting, tar gives entries here, never the Stats that its type allows for packing.
        const entry = item as ReadEntry;
        if (refusals.length > 0) return false;
        const kind = entry.type;
        if (kind !== 'File' && kind !== 'OldFile' && kind !== 'ContiguousFile') {
          return kind === 'Directory' || refuse(`${path} is a ${kind}, not a plain file`);
        }
        if (path.startsWith('/') || path.split('/').includes('..')) {
          return refuse(`${path} leads out of the folder`);
        }
        numEntries += 1;
        numBytes += entry.size;
        if (numEntries > limits.maxEntries) return refuse(`over ${limits.maxEntries} files`);
        if (numBytes > limits.maxBytes) return refuse(`over ${limits.maxBytes} bytes unpacked`);
        // A package may carry modes under which we could not read its files again.
        entry.mode = 0o644;
        return true;
      },
    });
  } catch (error) {
    const onDisk = diskError(error, dir);
    if (onDisk.code !== 'FT_INTERNAL') throw onDisk;
    throw archiveError(tarball, error instanceof Error ? error.message : String(error), error);
  }
  if (refusals.length > 0) throw archiveError(tarball, refusals[0]!);
  if (numEntries === 0) throw archiveError(tarball, 'no files in it');
}

function archiveError(tarball: string, reason: string, cause?: unknown): FtctlError {
  return new FtctlError('FT_DATA_ARCHIVE', {
    what: `${tarball} cannot be unpacked: ${reason}.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
