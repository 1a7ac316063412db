import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FtctlError } from '../../errors/index.js';
import { weightsNotFound } from './weights-not-found.js';

/** Over any network of the zoo (vgg19: 575 MB), under what one buffer can hold. */
export const maxWeightsBytes = 2 * 1024 ** 3 - 1;

/** Opening a pipe waits for who writes to it, for ever if nobody does, unless it is told not to; Windows has no such flag. */
const readNow = constants.O_RDONLY | constants.O_NONBLOCK;

/** Opens a plain file. Rejects as opening does, with EISDIR for a folder, or with an Error for a device or a pipe. */
async function openPlain(path: string): Promise<FileHandle> {
  const file = await open(path, readNow);
  try {
    const found = await file.stat();
    // That a folder is one is told when it is read.
    if (!found.isFile() && !found.isDirectory()) throw new Error('it is no plain file');
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The first bytes of a file of weights. Rejects with FT_WEIGHTS_NOT_FOUND. */
export async function startOfWeightsFile(path: string, count: number): Promise<Buffer> {
  try {
    const file = await openPlain(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(count), 0, count, 0);
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw weightsNotFound(path, error);
  }
}

/** Reads a whole file of weights. Rejects with FT_WEIGHTS_NOT_FOUND or, where it is too large, FT_WEIGHTS_DAMAGED. */
export async function readWeightsFile(path: string, maxBytes = maxWeightsBytes): Promise<Buffer> {
  let size: number;
  try {
    const file = await openPlain(path);
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
