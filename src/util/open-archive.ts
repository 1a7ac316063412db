import { type FileHandle, open } from 'node:fs/promises';

/** An archive that is open: looked at, hashed and unpacked by one handle, so that all of them see the same file. */
export interface OpenArchive {
  /** For messages. */
  readonly path: string;
  readonly file: FileHandle;
}

/** Opens an archive for as long as `work` takes. Rejects as opening does, or as `work`. */
export async function withArchive<T>(
  path: string,
  work: (archive: OpenArchive) => Promise<T>,
): Promise<T> {
  const file = await open(path, 'r');
  try {
    return await work({ path, file });
  } finally {
    await file.close();
  }
}

/** The first bytes of an archive, at most `count`. */
export async function firstBytes({ file }: OpenArchive, count: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
  return buffer.subarray(0, bytesRead);
}
