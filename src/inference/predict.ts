import type { FtctlErrorJson } from '../errors/index.js';
import { imagePaths } from './image-paths.js';
import { softmax } from './softmax.js';
import { TrainedModel } from './trained-model.js';

export interface PredictOptions {
  /** A run's `model/` folder; nothing else of the run is read. */
  readonly modelDir: string;
  /** Image files, and folders: all images in them, at any depth. */
  readonly images: readonly string[];
  /** How many of the likeliest classes to give; at most all. */
  readonly top: number;
  /** Threads of the engine; absent: all cores. */
  readonly threads?: number;
  /** Ends the work, with its reason. */
  readonly signal?: AbortSignal;
}

export interface ImagePrediction {
  /** As it was given, or in the folder that was given. */
  readonly image: string;
  /** The likeliest classes, falling; probabilities of all classes sum to 1. None for an image with an error. */
  readonly top: readonly { readonly label: string; readonly probability: number }[];
  /** Why the image cannot be used (FT_DATA_BAD_FILE), or null. */
  readonly error: FtctlErrorJson | null;
}

/**
 * Classifies images with a trained model, each on its own: one that cannot be used has its error in its place. Blocks
 * the calling thread while the engine computes. Rejects with FT_ARTIFACTS_NOT_FOUND, FT_ARTIFACTS_DAMAGED, or, for a folder without images,
 * FT_DATA_EMPTY.
 */
export async function predict(options: PredictOptions): Promise<ImagePrediction[]> {
  const { modelDir, top, threads, signal } = options;
  const images = await imagePaths(options.images);
  const model = await TrainedModel.open(modelDir, threads);
  try {
    const predictions: ImagePrediction[] = [];
    for await (const { logits_K, error } of model.classify(images, signal)) {
      const image = images[predictions.length]!;
      if (error === undefined) {
        predictions.push({ image, top: likeliest(logits_K, model.classNames, top), error: null });
      } else if (error.code === 'FT_DATA_BAD_FILE') {
        predictions.push({ image, top: [], error: error.toJSON() });
      } else throw error;
    }
    return predictions;
  } finally {
    await model.close();
  }
}

function likeliest(
  logits_K: Float32Array,
  classNames: readonly string[],
  top: number,
): ImagePrediction['top'] {
  const probabilities = softmax(logits_K);
  return classNames
    .map((label, k) => ({ label, probability: probabilities[k]! }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
}
