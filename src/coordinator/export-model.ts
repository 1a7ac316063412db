import type { RunSpec } from '../config/run-spec.js';
import type { Manifest } from '../data/manifest.js';
import { FtctlError } from '../errors/index.js';
import { writeArtifacts, type ArtifactsInput } from '../models/artifacts.js';
import { prepareModel, type PrepareOptions } from '../models/prepare-model.js';
import type { PreparedModel } from '../models/prepared-model.js';
import { trainedRuns } from '../state/trained-runs.js';
import { BlobStore } from '../util/blob-store.js';

/** What a run's model is prepared with, beside its configuration. */
export interface PrepareTools extends Pick<PrepareOptions, 'onProgress' | 'signal'> {
  /** Where runs lie whose weights may be asked for. */
  readonly runsDir: string;
  /** Of the run, in the order of the logits. */
  readonly classNames: readonly string[];
}

/** Prepares the model of a run. Rejects as {@link prepareModel} does. */
export function prepareModelOf(
  spec: RunSpec,
  { runsDir, classNames, ...tools }: PrepareTools,
): Promise<PreparedModel> {
  const { imageSize, background, normalise, valTransform } = spec.data;
  const { seed, cache } = spec;
  return prepareModel(spec.model, {
    ...{
      numClasses: classNames.length,
      classNames,
      imageSize,
      background,
      normalise,
      valTransform,
    },
    ...{ phases: spec.phases, seed, cacheDir: cache.path },
    findTrainedRun: trainedRuns({ runsDir, cacheDir: cache.path }),
    ...tools,
  });
}

export interface ExportOptions extends Omit<ArtifactsInput, 'blobs' | 'classIds' | 'classNames'> {
  readonly spec: RunSpec;
  readonly runsDir: string;
  readonly manifest: Pick<Manifest, 'classIds' | 'classNames'>;
  readonly onWarning: (message: string) => void;
  /** Preparing may take minutes, and a launcher waits for one that is silent for a minute only. */
  readonly onProgress: NonNullable<PrepareOptions['onProgress']>;
}

/**
 * Writes a trained model's files into `modelDir`. Pretrained weights that the cache has lost meanwhile are prepared again: a
 * run of hours does not fail at its end for them. Rejects as {@link writeArtifacts} and {@link prepareModel} do.
 */
export async function exportModel(modelDir: string, options: ExportOptions): Promise<void> {
  const { spec, runsDir, manifest, onWarning, onProgress, ...trained } = options;
  const { classIds, classNames } = manifest;
  const { prepared } = trained;
  const input = { ...trained, blobs: new BlobStore(spec.cache.path), classIds, classNames };
  try {
    await writeArtifacts(modelDir, input);
  } catch (error) {
    const { code, message } = FtctlError.from(error);
    if (code !== 'FT_BLOB_MISSING' && code !== 'FT_BLOB_DAMAGED') throw error;
    onWarning(`${message} The pretrained weights are prepared again.`);
    const again = await prepareModelOf(spec, { runsDir, classNames, onProgress });
    // Other weights than those trained on (the file was replaced) would give a model that nobody has evaluated.
    if (again.weightsSha256 !== prepared.weightsSha256) throw error;
    await writeArtifacts(modelDir, input);
  }
}
