import { CounterRng } from '../../data/rng.js';
import { OnnxSession } from '../../engines/onnx-session.js';
import { FtctlError } from '../../errors/index.js';

/** Relative to the largest feature: above what kernels for other batch sizes differ by, below what another image changes. */
const tolerance = 1e-3;

export interface FeatureMeasure {
  /** F: of an image. */
  readonly numFeatures: number;
  /** Whether an image's features have the same bits alone as beside another one. */
  readonly isExact: boolean;
}

/**
 * Runs a backbone graph (`images` -> `features`) on two images of noise, each alone and both together. Rejects with FT_BACKBONE_RUN where it fails, where a row depends on the others, or where features are
 * not finite.
 */
export async function measureFeatures(
  graph: Uint8Array,
  { path, imageSize }: { readonly path: string; readonly imageSize: number },
): Promise<FeatureMeasure> {
  const refused = (why: string, cause?: unknown, remedy?: string): FtctlError =>
    new FtctlError('FT_BACKBONE_RUN', {
      what: `The backbone ${path} gives no usable features.`,
      ...{ why, cause, details: { path, imageSize } },
      ...(remedy === undefined ? {} : { remedy }),
    });
  const imageLength = 3 * imageSize ** 2;
  const rng = new CounterRng(0, 'backbone-probe');
  const images = Float32Array.from({ length: 2 * imageLength }, (_, i) => 4 * rng.uniform(i) - 2);
  const session = await OnnxSession.open(graph, { provider: 'cpu', threads: 1 }).catch(
    (error: unknown) => {
      throw refused(FtctlError.from(error).message, error);
    },
  );
  const run = async (first: number, numImages: number): Promise<Float32Array> => {
    const data = images.slice(first * imageLength, (first + numImages) * imageLength);
    const dims = [numImages, 3, imageSize, imageSize];
    try {
      return (await session.run({ images: { data, dims } }))['features']!;
    } catch (error) {
      const many = numImages === 1 ? '1 image' : `${numImages} images`;
      throw refused(
        `It fails for ${many} of ${imageSize} px: ${FtctlError.from(error).message}`,
        error,
      );
    }
  };
  try {
    const alone = [await run(0, 1), await run(1, 1)] as const;
    const together = await run(0, 2);
    const [{ length }] = alone;
    if (length === 0 || alone[1].length !== length || together.length !== 2 * length) {
      throw refused(
        `It gives ${length} values for an image and ${together.length} for two of them.`,
      );
    }
    if (!together.every(Number.isFinite)) {
      throw refused(
        'Its values for images of noise are not all finite.',
        undefined,
        'Export it from another checkpoint: a training that diverged leaves weights that are NaN or infinite. In float16 values may overflow: export it in float32.',
      );
    }
    const largest = together.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const apart = alone.flatMap((row) => [...row]);
    if (together.some((value, i) => Math.abs(value - apart[i]!) > tolerance * largest)) {
      throw refused(
        'What it gives for an image depends on the other images of the batch: it may have been exported in training mode.',
      );
    }
    return { numFeatures: length, isExact: together.every((value, i) => value === apart[i]) };
  } finally {
    await session.close();
  }
}
