import { stat } from 'node:fs/promises';
import { type ReadEntry, x as extract } from 'tar';
import { diskError } from './atomic-file.js';
import { archiveError, UnpackGuard, type UnpackLimits } from './unpack-guard.js';

export interface UnpackOptions {
  readonly limits: UnpackLimits;
  /** Whether an entry is passed over. */
  readonly isIgnored?: (path: string) => boolean;
  readonly onProgress?: (numBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks a tar archive, gzipped or not, into the existing, empty folder `dir`, without the first `strip` components of each
 * path. Only plain files and folders are written, and only below `dir`; anything else, too much of it, or a damaged archive
 * rejects with FT_DATA_ARCHIVE and leaves `dir` half filled. A full disk rejects with FT_DISK_FULL.
 */
export async function unpackTarball(
  tarball: string,
  dir: string,
  options: UnpackOptions & { readonly strip?: number },
): Promise<void> {
  const { limits, isIgnored, onProgress, signal, strip = 0 } = options;
  const guard = new UnpackGuard(limits, (await stat(tarball)).size);
  const refusals: string[] = [];
  const allow = (refusal: string | null): boolean => {
    if (refusal !== null) refusals.push(refusal);
    return refusal === null;
  };
  try {
    await extract({
      file: tarball,
      cwd: dir,
      strip,
      strict: true,
      filter: (path, item) => {
        // While extracting, tar gives entries here, never the Stats that its type allows for packing.
        const entry = item as ReadEntry;
        if (refusals.length > 0 || signal?.aborted === true) return false;
        if (isIgnored?.(path) === true) return false;
        const kind = entry.type;
        if (kind === 'Directory' || kind === 'GNUDumpDir') {
          // A package may carry modes under which we could not read its files again.
          entry.mode = 0o755;
          return allow(guard.refuseFolder(path));
        }
        if (kind !== 'File' && kind !== 'OldFile' && kind !== 'ContiguousFile') {
          return allow(`${path} is a ${kind}, not a plain file`);
        }
        if (!allow(guard.refuseFile(path, entry.size))) return false;
        entry.mode = 0o644;
        onProgress?.(guard.numBytes);
        return true;
      },
    });
  } catch (error) {
    const onDisk = diskError(error, dir);
    if (onDisk.code !== 'FT_INTERNAL') throw onDisk;
    throw archiveError(tarball, error instanceof Error ? error.message : String(error), error);
  }
  signal?.throwIfAborted();
  if (refusals.length > 0) throw archiveError(tarball, refusals[0]!);
  if (guard.numFiles === 0) throw archiveError(tarball, 'no files in it');
}
