import { createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { FtctlError } from '../errors/index.js';
import { diskError } from './atomic-file.js';
import { archiveError, UnpackGuard } from './unpack-guard.js';
import type { UnpackOptions } from './unpack-tarball.js';

/** The file type in a Unix mode. */
const typeMask = 0o170000;
const plainTypes: ReadonlySet<number> = new Set([0, 0o100000, 0o040000]);

/**
 * Unpacks a zip archive (deflated or stored, also zip64) into the existing, empty folder `dir`, by its central directory, and
 * checks each file's size and CRC-32. Only plain files and folders are written, and only below `dir`; anything else, too
 * much of it, two entries of one name, or a damaged archive rejects with FT_DATA_ARCHIVE and leaves `dir` half filled. A
 * full disk rejects with FT_DISK_FULL.
 */
export async function unpackZip(
  archive: string,
  dir: string,
  options: UnpackOptions,
): Promise<void> {
  const guard = new UnpackGuard(options.limits, (await stat(archive)).size);
  let zip: ZipFile | undefined;
  try {
    zip = await yauzl.openPromise(archive, { autoClose: false, strictFileNames: true });
    for await (const entry of zip.eachEntry()) {
      options.signal?.throwIfAborted();
      const path = entry.fileName;
      if (options.isIgnored?.(path) === true) continue;
      const refusal = refuseEntry(entry, guard);
      if (refusal !== null) throw archiveError(archive, refusal);
      if (path.endsWith('/')) await mkdir(join(dir, path), { recursive: true });
      else await writeEntry(zip, entry, join(dir, path), options.signal);
      options.onProgress?.(guard.numBytes);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof FtctlError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw archiveError(archive, 'two of its entries have one name', error);
    }
    const onDisk = diskError(error, dir);
    if (onDisk.code !== 'FT_INTERNAL') throw onDisk;
    throw archiveError(archive, error instanceof Error ? error.message : String(error), error);
  } finally {
    zip?.close();
  }
  if (guard.numFiles === 0) throw archiveError(archive, 'no files in it');
}

function refuseEntry(entry: Entry, guard: UnpackGuard): string | null {
  const { fileName, externalFileAttributes, uncompressedSize } = entry;
  // Unix programs put the mode in the upper half.
  if (!plainTypes.has((externalFileAttributes >>> 16) & typeMask)) {
    return `${fileName} is a link or a device, not a plain file`;
  }
  if (fileName.endsWith('/')) return guard.refuseFolder(fileName);
  if (entry.isEncrypted()) return `${fileName} is encrypted`;
  if (!entry.canDecodeFileData()) {
    return `${fileName} is compressed by method ${entry.compressionMethod}; stored and deflated files are read`;
  }
  return guard.refuseFile(fileName, uncompressedSize);
}

async function writeEntry(
  zip: ZipFile,
  entry: Entry,
  file: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  let found = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      found = crc32(chunk, found);
      done(null, chunk);
    },
  });
  // In one turn: the stream flows, and may fail, from here on.
  const content = await zip.openReadStreamPromise(entry);
  const out = createWriteStream(file, { flags: 'wx' });
  await pipeline(content, check, out, signal === undefined ? {} : { signal });
  if (found !== entry.crc32) throw new Error(`the checksum of ${entry.fileName} is wrong`);
}
