import { wrongModel } from './onnx-feature-engine.js';
import { OnnxSession, type SessionOptions } from './onnx-session.js';

/** A whole trained network: images in, logits out. */
export interface ImageClassifier {
  /** K, the number of logits. */
  readonly numClasses: number;
  /** S: images are [N, 3, S, S]. */
  readonly imageSize: number;
  /** `images_NCHW` (normalised) -> `logits_NK`. Blocks its thread. Rejects with FT_ENGINE_FAILED. */
  logits(images_NCHW: Float32Array, numImages: number): Promise<Float32Array>;
  close(): Promise<void>;
}

/**
 * Opens a model.onnx: `images` [N, 3, S, S] -> `logits` [N, K]. Rejects with FT_ENGINE_UNAVAILABLE or FT_ENGINE_MODEL.
 */
export async function openClassifier(
  modelPath: string,
  options: { readonly threads: number; readonly provider?: SessionOptions['provider'] },
): Promise<ImageClassifier> {
  const { threads, provider = 'cpu' } = options;
  const session = await OnnxSession.open(modelPath, { provider, threads });
  const imageSize = session.shapeOf('images')?.[2];
  const numClasses = session.shapeOf('logits')?.[1];
  if (typeof imageSize !== 'number' || typeof numClasses !== 'number') {
    await session.close();
    throw wrongModel(modelPath, 'It has no input images [N, 3, S, S] or no output logits [N, K].');
  }
  return {
    numClasses,
    imageSize,
    async logits(images_NCHW, numImages) {
      const dims = [numImages, 3, imageSize, imageSize];
      const { logits } = await session.run({ images: { data: images_NCHW, dims } });
      return logits!;
    },
    close: () => session.close(),
  };
}
