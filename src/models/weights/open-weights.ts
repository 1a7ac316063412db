import type { ArchitectureSpec } from '../../config/run-spec.js';
import { FtctlError } from '../../errors/index.js';
import { loadWeights, type LoadedWeights, type LoadOptions } from './load-weights.js';
import { keepsClassifier, loadTrainedRun, type FindTrainedRun } from './trained-run.js';
import { weightsIdentity } from './weights-identity.js';
import { weightsSource } from './weights-source.js';

/** Weights that are known to be there, as far as can be told without fetching. */
export interface OpenedWeights {
  /** JSON that differs where the weights do. */
  readonly identity: unknown;
  /** Rejects with FT_MODEL_*, FT_WEIGHTS_*, FT_DOWNLOAD_* or FT_DATA_* errors. */
  load(options: Omit<LoadOptions, 'architecture' | 'width' | 'seed'>): Promise<LoadedWeights>;
}

export interface OpenWeightsOptions {
  /** Of random weights and new auxiliary classifiers. */
  readonly seed: number;
  /** For `model.weights: run:ID`; absent where there are no runs. */
  readonly findTrainedRun?: FindTrainedRun | undefined;
  /** Of the run, in the order of the logits: the classifier of a run with the same ones is kept. */
  readonly classNames?: readonly string[] | undefined;
}

/** The weights of a model, wherever they come from. Rejects with FT_WEIGHTS_SOURCE, FT_WEIGHTS_NOT_FOUND or as {@link FindTrainedRun} does. */
export async function openWeights(
  spec: ArchitectureSpec,
  { seed, findTrainedRun, classNames }: OpenWeightsOptions,
): Promise<OpenedWeights> {
  const { architecture, width } = spec;
  const source = weightsSource(spec);
  if (source.type !== 'run') {
    return {
      identity: await weightsIdentity(source, seed),
      load: (options) => loadWeights(source, { ...options, architecture, width, seed }),
    };
  }
  if (findTrainedRun === undefined) {
    throw new FtctlError('FT_WEIGHTS_SOURCE', {
      what: `model.weights is ${JSON.stringify(spec.weights)}.`,
      why: 'There are no runs to look for it in.',
      details: { weights: spec.weights },
    });
  }
  const run = await findTrainedRun(source, { architecture, width });
  const classifier = keepsClassifier(run, classNames) ? 'kept' : 'new';
  return {
    identity: { trained: run.sha256, classifier },
    load: (options) =>
      loadTrainedRun(run, {
        ...{ ...options, architecture, width, seed },
        ...(classNames === undefined ? {} : { classNames }),
      }),
  };
}
