import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { decodeWhole } from './decode.js';
import type { ImageFormat } from './image-format.js';
import { readFailure } from '../util/read-failure.js';

/** What a file is, or why it cannot be used. */
export type InspectedFile = GoodFile | { readonly reason: string };

export interface GoodFile {
  readonly reason?: undefined;
  readonly format: ImageFormat;
  readonly numBytes: number;
  /** In pixels, upright. */
  readonly width: number;
  readonly height: number;
  /** SHA-256 of the file's bytes. */
  readonly sha256: string;
  /** SHA-256 of size and decoded pixels: the same for one picture in two files, formats, or with other metadata. */
  readonly pixelHash: string;
}

/** Of an uncompressed image of a hundred megapixels, four channels. Few at once, so that memory stays bounded. */
const maxAtOnce = 4;

/** Reads and decodes every file whole, a few at a time. In order. */
export async function inspectFiles(
  root: string,
  paths: readonly string[],
  options: {
    readonly onProgress?: ((done: number) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<InspectedFile[]> {
  const results = new Array<InspectedFile>(paths.length);
  let next = 0;
  let numDone = 0;
  const work = async (): Promise<void> => {
    while (next < paths.length) {
      options.signal?.throwIfAborted();
      const place = next++;
      results[place] = await inspectFile(resolve(root, paths[place]!));
      options.onProgress?.(++numDone);
    }
  };
  await Promise.all(Array.from({ length: Math.min(maxAtOnce, availableParallelism() + 1) }, work));
  return results;
}

async function inspectFile(file: string): Promise<InspectedFile> {
  let bytes: Buffer;
  try {
    if (!(await stat(file)).isFile()) return { reason: 'it is no plain file' };
    bytes = await readFile(file);
  } catch (error) {
    return { reason: readFailure(error) };
  }
  try {
    const { format, width, height, pixels_HWC } = await decodeWhole(bytes);
    return {
      ...{ format, width, height, numBytes: bytes.length },
      sha256: createHash('sha256').update(bytes).digest('hex'),
      pixelHash: createHash('sha256')
        .update(`${width}x${height}\n`)
        .update(pixels_HWC)
        .digest('hex'),
    };
  } catch (error) {
    if (error instanceof FtctlError && error.code === 'FT_DATA_BAD_FILE') {
      return { reason: String(error.details?.['reason']) };
    }
    throw error;
  }
}
