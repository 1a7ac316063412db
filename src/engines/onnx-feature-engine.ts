import { FtctlError } from '../errors/index.js';
import type { FeatureEngine, FeatureEngineOptions } from './feature-engine.js';
import { OnnxSession } from './onnx-session.js';

/** An input or output of a model file that is not what ftctl writes. */
export function wrongModel(modelPath: string, what: string): FtctlError {
  return new FtctlError('FT_ENGINE_MODEL', {
    what: `The model file ${modelPath} cannot be used.`,
    why: what,
    details: { path: modelPath },
  });
}

/**
 * Opens a backbone: `images` [N, 3, S, S] -> `features` [N, F]. `run` blocks its thread. Rejects with FT_ENGINE_UNAVAILABLE or
 * FT_ENGINE_MODEL.
 */
export async function openFeatureEngine(options: FeatureEngineOptions): Promise<FeatureEngine> {
  const { modelPath, imageSize, provider, threads } = options;
  const session = await OnnxSession.open(modelPath, { provider, threads });
  const input = session.shapeOf('images');
  const width = session.shapeOf('features')?.[1];
  if (input?.[1] !== 3 || input[2] !== imageSize || input[3] !== imageSize) {
    await session.close();
    throw wrongModel(modelPath, `Its input images is not [N, 3, ${imageSize}, ${imageSize}].`);
  }
  if (typeof width !== 'number') {
    await session.close();
    throw wrongModel(modelPath, 'It has no output features [N, F].');
  }
  return {
    width,
    async run(images_NCHW, numImages) {
      const dims = [numImages, 3, imageSize, imageSize];
      const { features } = await session.run({ images: { data: images_NCHW, dims } });
      return features!;
    },
    close: () => session.close(),
  };
}
