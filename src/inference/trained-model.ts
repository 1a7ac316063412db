import { availableParallelism } from 'node:os';
import { type ImageClassifier, openClassifier } from '../engines/image-classifier.js';
import { FtctlError } from '../errors/index.js';
import { type Artifacts, readArtifacts } from '../models/artifacts.js';
import { batchSize, type ImageBatch, prepareBatch } from './image-batch.js';

/** What became of one file: its logits, or why there are none. */
export type Classified =
  | { readonly logits_K: Float32Array; readonly error?: undefined }
  | { readonly logits_K?: undefined; readonly error: FtctlError };

/** A run's `model/` folder, opened. Preprocesses exactly as evaluation during the training does. */
export class TrainedModel {
  readonly classIds: readonly string[];
  readonly classNames: readonly string[];
  readonly #artifacts: Artifacts;
  readonly #classifier: ImageClassifier;

  private constructor(artifacts: Artifacts, classifier: ImageClassifier) {
    this.#artifacts = artifacts;
    this.#classifier = classifier;
    this.classIds = artifacts.classIds;
    this.classNames = artifacts.classNames;
  }

  /**
   * @param threads of the engine; absent: all cores.
   * Rejects with FT_ARTIFACTS_NOT_FOUND or FT_ARTIFACTS_DAMAGED, or as the engine does.
   */
  static async open(modelDir: string, threads = availableParallelism()): Promise<TrainedModel> {
    const artifacts = await readArtifacts(modelDir);
    const { modelPath, classNames, preprocessing } = artifacts;
    const classifier = await openClassifier(modelPath, { threads });
    const { numClasses, imageSize } = classifier;
    if (numClasses !== classNames.length || imageSize !== preprocessing.imageSize) {
      await classifier.close();
      throw new FtctlError('FT_ARTIFACTS_DAMAGED', {
        what: `The files of the trained model in ${modelDir} do not belong together.`,
        why:
          `model.onnx has ${numClasses} classes and takes ${imageSize} px; labels.json names ${classNames.length} ` +
          `classes and preprocessing.json says ${preprocessing.imageSize} px.`,
        details: { path: modelDir },
      });
    }
    return new TrainedModel(artifacts, classifier);
  }

  /**
   * Classifies image files, in order. The next batch is decoded in the background while the engine blocks this thread.
   * A file that cannot be used gives an error of its own and does not end the others. Throws the signal's reason once it aborts.
   */
  async *classify(files: readonly string[], signal?: AbortSignal): AsyncGenerator<Classified> {
    let next = this.#prepare(files.slice(0, batchSize));
    for (let from = 0; from < files.length; from += batchSize) {
      const { images_NCHW, errors } = await next;
      signal?.throwIfAborted();
      next = this.#prepare(files.slice(from + batchSize, from + 2 * batchSize));
      const numImages = errors.length - errors.filter((error) => error !== undefined).length;
      const logits_NK = await this.#logits(images_NCHW, numImages);
      let row = 0;
      for (const error of errors) {
        if (error !== undefined) yield { error };
        else {
          const start = row * this.classNames.length;
          yield { logits_K: logits_NK.slice(start, start + this.classNames.length) };
          row += 1;
        }
      }
    }
  }

  close(): Promise<void> {
    return this.#classifier.close();
  }

  async #logits(images_NCHW: Float32Array, numImages: number): Promise<Float32Array> {
    if (numImages === 0) return new Float32Array(0);
    return await this.#classifier.logits(images_NCHW, numImages);
  }

  #prepare(files: readonly string[]): Promise<ImageBatch> {
    return prepareBatch(files, this.#artifacts.preprocessing);
  }
}
