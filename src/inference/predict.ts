import type { FtctlError, FtctlErrorJson } from '../errors/index.js';
import { imagePaths, type NamedImage } from './image-paths.js';
import { softmax } from './softmax.js';
import { type Classified, TrainedModel } from './trained-model.js';

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
  /** The likeliest classes, falling; probabilities of all classes are the softmax of their logits. None for an image with an error. */
  readonly top: readonly {
    readonly label: string;
    readonly probability: number;
    readonly logit: number;
  }[];
  /** Why the image (FT_DATA_BAD_FILE), or a folder (FT_DATA_EMPTY, ...), cannot be used, or null. */
  readonly error: FtctlErrorJson | null;
}

/**
 * Classifies images with a trained model, each on its own: one that cannot be used, or a folder without images, has its error
 * in its place. Blocks
 * the calling thread while the engine computes. Rejects with FT_ARTIFACTS_NOT_FOUND or FT_ARTIFACTS_DAMAGED.
 */
export async function predict(options: PredictOptions): Promise<ImagePrediction[]> {
  const { modelDir, top, threads, signal } = options;
  const images = await imagePaths(options.images);
  const model = await TrainedModel.open(modelDir, threads);
  try {
    const predictions: ImagePrediction[] = [];
    const files = images.flatMap(({ path, error }) => (error === undefined ? [path] : []));
    const classified = model.classify(files, signal);
    for (const { path: image, ...named } of images) {
      const { logits_K, error } = await outcomeOf(named, classified);
      predictions.push(
        error === undefined
          ? { image, top: likeliest(logits_K, model.classNames, top), error: null }
          : { image, top: [], error: error.toJSON() },
      );
    }
    return predictions;
  } finally {
    await model.close();
  }
}

/** What becomes of one name; each that is an image takes the next of `classified`. */
async function outcomeOf(
  { error }: Pick<NamedImage, 'error'>,
  classified: AsyncGenerator<Classified>,
): Promise<Classified> {
  if (error !== undefined) return { error };
  const next = await classified.next();
  if (next.done === true) throw new Error('there are fewer results than images');
  if (next.value.error !== undefined && !isOfImage(next.value.error)) throw next.value.error;
  return next.value;
}

function isOfImage({ code }: FtctlError): boolean {
  return code === 'FT_DATA_BAD_FILE';
}

function likeliest(
  logits_K: Float32Array,
  classNames: readonly string[],
  top: number,
): ImagePrediction['top'] {
  const probabilities = softmax(logits_K);
  return classNames
    .map((label, k) => ({ label, probability: probabilities[k]!, logit: logits_K[k]! }))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, top);
}
