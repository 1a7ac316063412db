import type { RunReference } from '../../config/run-reference.js';
import { FtctlError } from '../../errors/index.js';
import { sha256Hex } from '../../util/blob-store.js';
import { torchvisionSpec, type NetworkSpec } from '../registry.js';
import { fitNetwork, type LoadedWeights, type LoadOptions } from './load-weights.js';
import { decodeWeights } from './read-weights.js';
import { checkNormalisation, savedNormalisation } from './saved-normalisation.js';
import { readWeightsFile } from './weights-file.js';

/** What another run has trained. */
export interface TrainedRun {
  /** As the configuration names it. */
  readonly label: string;
  /** A safetensors file: torchvision's state dict, the classifier included. */
  readonly path: string;
  /** Of the file: what identifies the weights, wherever they lie. */
  readonly sha256: string;
  /** Of which moment of the run they are, in words: "its best epoch, 3". */
  readonly moment: string;
  /** In the order of the classifier's logits. */
  readonly classNames: readonly string[];
}

/**
 * Port: finds a run's weights. Rejects with FT_RUN_NOT_FOUND, FT_ARTIFACTS_*, FT_MODEL_NO_STATE_DICT, FT_CHECKPOINT_*, or
 * FT_WEIGHTS_MISMATCH for a run that has trained another network than is asked for.
 */
export type FindTrainedRun = (
  reference: RunReference,
  asked: Pick<NetworkSpec, 'architecture' | 'width'>,
) => Promise<TrainedRun>;

/** Whether a classifier serves this run's classes as it is: they are the same, in the same order. */
export function keepsClassifier(
  run: Pick<TrainedRun, 'classNames'>,
  classNames: readonly string[] | undefined,
): boolean {
  return (
    classNames?.length === run.classNames.length &&
    classNames.every((name, k) => name === run.classNames[k])
  );
}

/**
 * Loads what a run has trained, with its classifiers where it has the run's classes. Rejects with FT_WEIGHTS_MISMATCH,
 * FT_WEIGHTS_NOT_FOUND, FT_WEIGHTS_PREPROCESSING, or FT_WEIGHTS_DAMAGED also for a file that is replaced meanwhile.
 */
export async function loadTrainedRun(
  run: TrainedRun,
  options: Omit<LoadOptions, 'cacheDir'> & { readonly classNames?: readonly string[] },
): Promise<LoadedWeights> {
  const { architecture, width, numClasses, seed, normalisation, classNames } = options;
  const { label, path, sha256 } = run;
  const bytes = await readWeightsFile(path);
  if (sha256Hex(bytes) !== sha256) {
    throw new FtctlError('FT_WEIGHTS_DAMAGED', {
      what: `The weights of ${label} have changed while they were read.`,
      why: 'The run was continued, or its model written again.',
      remedy: 'Start again once nothing works in that run.',
      details: { file: path },
    });
  }
  const { tensors, metadata } = decodeWeights(bytes, label);
  checkNormalisation(label, savedNormalisation(metadata, label), normalisation);
  const spec = torchvisionSpec(architecture, width, numClasses);
  const fitted = fitNetwork(spec, tensors, {
    ...{ label, seed, keepsClassifier: keepsClassifier(run, classNames) },
  });
  const moment = `The weights of ${label} are those of ${run.moment}.`;
  return { spec, ...fitted, notes: [moment, ...fitted.notes] };
}
