import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { OpenArchive } from './open-archive.js';
import { archiveError, UnpackGuard } from './unpack-guard.js';
import type { UnpackOptions } from './unpack-tarball.js';
import { UnpackedFolder } from './unpacked-folder.js';

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
  archive: OpenArchive,
  dir: string,
  options: UnpackOptions,
): Promise<void> {
  const { path: label, file } = archive;
  const guard = new UnpackGuard(options.limits, (await file.stat()).size);
  const folder = new UnpackedFolder(dir);
  try {
    // `file` stays open: it is its owner that closes it.
    const zip = await yauzl.fromFdPromise(file.fd, { autoClose: false, strictFileNames: true });
    for await (const entry of zip.eachEntry()) {
      options.signal?.throwIfAborted();
      const path = entry.fileName;
      if (options.isIgnored?.(path) === true) continue;
      const refusal = refuseEntry(entry, guard);
      if (refusal !== null) throw archiveError(label, refusal);
      if (path.endsWith('/')) await folder.makeFolder(path);
      else await writeEntry(zip, entry, folder, options.signal);
      options.onProgress?.(guard.numBytes);
    }
  } catch (error) {
    options.signal?.throwIfAborted();
    throw folder.errorOf(error, label);
  }
  if (guard.numFiles === 0) throw archiveError(label, 'no files in it');
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
  folder: UnpackedFolder,
  signal: AbortSignal | undefined,
): Promise<void> {
  const file = await folder.createFile(entry.fileName);
  let found = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      found = crc32(chunk, found);
      done(null, chunk);
    },
  });
  try {
    // In one turn: the stream flows, and may fail, from here on.
    const content = await zip.openReadStreamPromise(entry);
    await pipeline(
      content,
      check,
      file.createWriteStream(),
      signal === undefined ? {} : { signal },
    );
  } finally {
    await file.close(); // does nothing where the stream has
  }
  if (found !== entry.crc32) throw new Error(`the checksum of ${entry.fileName} is wrong`);
}
