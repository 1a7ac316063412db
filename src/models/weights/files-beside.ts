import { basename, dirname, join } from 'node:path';
import { FtctlError } from '../../errors/index.js';
import { externalLocations } from '../onnx/external-locations.js';
import type { ExternalData } from './external-values.js';
import { FormatError } from './format-error.js';
import { maxWeightsBytes, readWeightsFile } from './weights-file.js';

/** Whether a model may name a file so: a plain name, of a file that lies beside it. */
export function isBeside(location: string): boolean {
  return location === basename(location) && !/^\.|[\\\0]/.test(location) && location !== '';
}

/**
 * Reads the files that an ONNX model at `path` names, each under the rules of any file of weights and all together under the limit
 * of one. What is wrong with one of them is told, as a FormatError, when its bytes are asked for; rejects where `model` is no
 * message.
 */
export async function filesBeside(path: string, model: Uint8Array): Promise<ExternalData> {
  const files = new Map<string, Uint8Array | FormatError>();
  let bytesLeft = maxWeightsBytes;
  for (const location of externalLocations(model)) {
    if (!isBeside(location)) continue;
    try {
      const bytes = await readWeightsFile(join(dirname(path), location), bytesLeft);
      bytesLeft -= bytes.length;
      files.set(location, bytes);
    } catch (error) {
      const { code, message } = FtctlError.from(error);
      // Where it is not there, the message that is told is enough.
      const why = code === 'FT_WEIGHTS_NOT_FOUND' ? '' : ` (${message.replace(/\.$/, '')})`;
      files.set(
        location,
        new FormatError(`its file ${location} cannot be read${why}`, { cause: error }),
      );
    }
  }
  return (location) => {
    const file = files.get(location);
    if (file instanceof FormatError) throw file;
    if (file !== undefined) return file;
    throw new FormatError(`it names the file ${JSON.stringify(location)}, which is not beside it`);
  };
}
