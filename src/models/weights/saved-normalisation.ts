import { z } from 'zod';
import { FtctlError } from '../../errors/index.js';
import type { Normalisation } from './weights-source.js';

/** The metadata of a safetensors file that say how images were normalised for its weights. */
export const normalisationKey = 'ftctl.normalise';

const rgb = z.tuple([z.number(), z.number(), z.number()]);
const schema = z.object({ mean: rgb, std: rgb });

/** The metadata of a trained model, safetensors or ONNX, that say how images are prepared for it: preprocessing.json. */
export const preprocessingKey = 'ftctl.preprocessing';

export function encodeNormalisation({ mean, std }: Normalisation): string {
  return JSON.stringify({ mean, std });
}

/** What the metadata of a file say; null: nothing. Throws FT_WEIGHTS_DAMAGED; `label` names the file. */
export function savedNormalisation(
  metadata: ReadonlyMap<string, string>,
  label: string,
): Normalisation | null {
  const key = [normalisationKey, preprocessingKey].find((known) => metadata.has(known));
  if (key === undefined) return null;
  try {
    return schema.parse(JSON.parse(metadata.get(key)!));
  } catch (error) {
    throw new FtctlError('FT_WEIGHTS_DAMAGED', {
      what: `${label} does not say how images are normalised for its weights.`,
      why: `Its entry ${key} is malformed.`,
      cause: error,
      details: { file: label },
    });
  }
}

/** Compares what the weights need with what the run does. Throws FT_WEIGHTS_PREPROCESSING. */
export function checkNormalisation(
  label: string,
  saved: Normalisation | null,
  actual: Normalisation | undefined,
): void {
  if (saved === null || actual === undefined) return;
  const text = ({ mean, std }: Normalisation): string =>
    `mean [${mean.join(', ')}] and std [${std.join(', ')}]`;
  if (text(saved) === text(actual)) return;
  throw new FtctlError('FT_WEIGHTS_PREPROCESSING', {
    what: `The run normalises images with ${text(actual)}.`,
    why: `The weights of ${label} need ${text(saved)}.`,
    details: { file: label, needed: saved, actual },
  });
}
