import { renderView } from '../data/augment.js';
import { decodeImage } from '../data/decode.js';
import type { Preprocessing } from '../data/preprocessing.js';
import { plainParameters } from '../data/view-parameters.js';
import { FtctlError } from '../errors/index.js';

/** Images of one run of the engine. */
export const batchSize = 32;

export interface ImageBatch {
  /** The images that could be used stand together, in order. */
  readonly images_NCHW: Float32Array;
  /** For each file. */
  readonly errors: readonly (FtctlError | undefined)[];
}

/** Decodes and normalises files exactly as evaluation during the training does. */
export async function prepareBatch(
  files: readonly string[],
  preprocessing: Preprocessing,
): Promise<ImageBatch> {
  const { imageSize, resizeSide, background } = preprocessing;
  const decoded = await Promise.allSettled(
    files.map((file) => decodeImage(file, { workingSide: resizeSide, background })),
  );
  const length = 3 * imageSize ** 2;
  const images = decoded.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const images_NCHW = new Float32Array(images.length * length);
  images.forEach((image, row) => {
    renderView(image, plainParameters, preprocessing, images_NCHW, row * length);
  });
  const errors = decoded.map((result) =>
    result.status === 'rejected' ? FtctlError.from(result.reason) : undefined,
  );
  return { images_NCHW, errors };
}
