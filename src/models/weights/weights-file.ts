import { open } from 'node:fs/promises';
import { FtctlError } from '../../errors/index.js';

/** Over any network of the zoo (vgg19: 575 MB), under what one buffer can hold. */
export const maxWeightsBytes = 2 * 1024 ** 3 - 1;

/** What is said of a file that cannot be read. */
export function notFound(path: string, error: unknown): FtctlError {
  return new FtctlError('FT_WEIGHTS_NOT_FOUND', {
    what: `The weights file ${path} cannot be read.`,
    why: `${error instanceof Error ? error.message : String(error)}.`,
    cause: error,
    details: { path },
  });
}

/** Reads a whole file of weights. Rejects with FT_WEIGHTS_NOT_FOUND or, where it is too large, FT_WEIGHTS_DAMAGED. */
export async function readWeightsFile(path: string, maxBytes = maxWeightsBytes): Promise<Buffer> {
  let size: number;
  try {
    const file = await open(path, 'r');
    try {
      ({ size } = await file.stat());
      if (size <= maxBytes) return await file.readFile();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw notFound(path, error);
  }
  throw new FtctlError('FT_WEIGHTS_DAMAGED', {
    what: `The weights file ${path} has ${size} bytes.`,
    why: `A file of weights has at most ${maxBytes}.`,
    details: { path, size },
  });
}
