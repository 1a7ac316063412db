import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { Parser, type ReadEntry } from 'tar';
import { firstBytes, type OpenArchive } from './open-archive.js';
import { UnpackGuard, type UnpackLimits } from './unpack-guard.js';
import { UnpackedFolder } from './unpacked-folder.js';

export interface UnpackOptions {
  readonly limits: UnpackLimits;
  /** Whether an entry is passed over. */
  readonly isIgnored?: (path: string) => boolean;
  readonly onProgress?: (numBytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Small pieces: between any two of them an abort or a refusal ends the work. */
const pieceBytes = 64 * 1024;
/** Header, padding, and a header of a long name: bytes of a tar that no file has. */
const overheadBytes = 3 * 512;

const folderTypes: ReadonlySet<string> = new Set(['Directory', 'GNUDumpDir']);
const fileTypes: ReadonlySet<string> = new Set(['File', 'OldFile', 'ContiguousFile']);

/**
 * Unpacks a tar archive, gzipped or not, into the existing, empty folder `dir`, without the first `strip` components of each
 * path. Only plain files and folders are written, and only below `dir`; anything else, too much of it, two entries of one
 * name, or a damaged archive rejects with FT_DATA_ARCHIVE, at once, and leaves `dir` half filled. A full disk rejects with
 * FT_DISK_FULL, an abort with the signal's reason. Memory is that of a few pieces of 64 KiB.
 */
export async function unpackTarball(
  archive: OpenArchive,
  dir: string,
  options: UnpackOptions & { readonly strip?: number },
): Promise<void> {
  const { signal } = options;
  const { size } = await archive.file.stat();
  const guard = new UnpackGuard(options.limits, size);
  const folder = new UnpackedFolder(dir);
  const writer = new EntryWriter(folder);
  let failure: unknown;
  try {
    const parser = entryParser(guard, writer, options);
    const isGzipped = (await firstBytes(archive, 2)).equals(gzipMagic);
    const content = archive.file.createReadStream({
      ...{ start: 0, autoClose: false, highWaterMark: pieceBytes },
    });
    const { maxBytes, maxEntries } = options.limits;
    let bytesLeft = maxBytes + maxEntries * overheadBytes;
    const write = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
      try {
        let isFirst = true;
        for await (const piece of pieces) {
          // The parser would inflate again by itself, without regard to how much becomes of it.
          if (isFirst && piece.subarray(0, 2).equals(gzipMagic))
            throw new Error('it is gzipped twice');
          isFirst = false;
          bytesLeft -= piece.length;
          if (bytesLeft < 0) throw new Error(`over ${maxBytes} bytes unpacked`);
          parser.write(piece);
          await writer.flush(signal);
        }
        parser.end();
        await writer.flush(signal);
      } catch (error) {
        // The pipeline itself would tell of the streams that it stops for it.
        failure ??= error;
        throw error;
      }
    };
    const withSignal = signal === undefined ? {} : { signal };
    if (isGzipped) {
      await pipeline(content, createGunzip({ chunkSize: pieceBytes }), write, withSignal);
    } else await pipeline(content, write, withSignal);
    if (guard.numFiles === 0) throw new Error('no files in it');
  } catch (error) {
    signal?.throwIfAborted();
    throw folder.errorOf(failure ?? error, archive.path);
  } finally {
    await writer.close();
  }
}

const gzipMagic = Buffer.of(0x1f, 0x8b);

/** A parser that gives the entries which the guard lets pass to the writer. */
function entryParser(
  guard: UnpackGuard,
  writer: EntryWriter,
  { isIgnored, onProgress, strip = 0 }: UnpackOptions & { readonly strip?: number },
): Parser {
  const refusalOf = (path: string, { type, size }: ReadEntry): string | null => {
    if (folderTypes.has(type)) return guard.refuseFolder(path);
    if (!fileTypes.has(type)) return `${path} is a ${type}, not a plain file`;
    return guard.refuseFile(path, size);
  };
  const parser = new Parser({
    ...{ strict: true, zstd: false, brotli: false },
    filter: (path, item) => {
      // While reading, tar gives entries here, never the Stats that its type allows for packing.
      const entry = item as ReadEntry;
      if (writer.failure !== undefined) return false;
      const ignored = isIgnored?.(path) === true;
      const refusal = ignored ? guard.passOver(entry.size) : refusalOf(path, entry);
      if (refusal !== null) writer.failure ??= new Error(refusal);
      if (refusal !== null || ignored) return false;
      onProgress?.(guard.numBytes);
      return true;
    },
  });
  parser.on('error', (error: Error) => {
    writer.failure ??= error;
  });
  parser.on('entry', (entry: ReadEntry) => {
    const path = entry.path.split('/').slice(strip).join('/');
    if (path !== '') writer.take(entry, path);
    else entry.resume();
  });
  return parser;
}

/**
 * Writes what the parser finds in a piece. It tells of entries and their bytes at once, while it is given the piece; they are
 * written when it is through, one after the other.
 */
class EntryWriter {
  /** Of the archive: nothing is written any more. */
  failure: Error | undefined;
  readonly #folder: UnpackedFolder;
  #steps: (() => Promise<void>)[] = [];
  #file: FileHandle | undefined;

  constructor(folder: UnpackedFolder) {
    this.#folder = folder;
  }

  take(entry: ReadEntry, path: string): void {
    if (folderTypes.has(entry.type)) {
      this.#steps.push(() => this.#folder.makeFolder(path));
      entry.resume();
      return;
    }
    this.#steps.push(async () => {
      this.#file = await this.#folder.createFile(path);
    });
    entry.on('data', (bytes) => {
      this.#steps.push(() => this.#file!.writeFile(bytes));
    });
    entry.on('end', () => {
      this.#steps.push(() => this.close());
    });
  }

  async flush(signal: AbortSignal | undefined): Promise<void> {
    const steps = this.#steps;
    this.#steps = [];
    for (const step of steps) {
      if (this.failure !== undefined) break;
      signal?.throwIfAborted();
      await step();
    }
    if (this.failure !== undefined) throw this.failure;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }
}
