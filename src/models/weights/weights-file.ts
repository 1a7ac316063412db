import { open } from 'node:fs/promises';
import { FtctlError } from '../../errors/index.js';
import { weightsNotFound } from './weights-not-found.js';

/** Over any network of the zoo (vgg19: 575 MB), under what one buffer can hold. */
export const maxWeightsBytes = 2 * 1024 ** 3 - 1;

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
    throw weightsNotFound(path, error);
  }
  throw new FtctlError('FT_WEIGHTS_DAMAGED', {
    what: `The weights file ${path} has ${size} bytes.`,
    why: `A file of weights has at most ${maxBytes}.`,
    details: { path, size },
  });
}
