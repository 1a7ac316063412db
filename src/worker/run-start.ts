import type { PhaseEngineOptions } from '../engines/engine-options.js';
import type { TrainingTensors } from '../engines/phase-engine.js';
import { parameterLayout } from '../models/parameter-layout.js';
import { beginsWithWeights, initialParameters, initialStatistics } from '../models/run-tensors.js';
import { readRunWeights } from '../models/weights/run-weights.js';
import type { RunBundle } from '../state/run-bundle.js';
import type { BlobStore } from '../util/blob-store.js';

/** What a worker starts a run from. */
export interface RunStart {
  readonly initial: TrainingTensors;
  readonly engineOptions: (phase: number) => PhaseEngineOptions;
}

interface Tools {
  readonly blobs: BlobStore;
  /** Makes sure that the cache has a blob. */
  readonly fetch: (sha256: string) => Promise<void>;
}

/**
 * The state that training begins with, and what each phase's engine is opened with. Weights are read only where something of them moves: a
 * new classifier behind a frozen network is drawn.
 */
export async function startOf(
  { spec, prepared }: RunBundle,
  rowsPerShard: number,
  { blobs, fetch }: Tools,
): Promise<RunStart> {
  const { head, weightsSha256 } = prepared;
  const { provider } = spec.engine;
  const layout = parameterLayout(prepared.parameters);
  const needsWeights = beginsWithWeights(prepared);
  if (needsWeights) await fetch(weightsSha256);
  const weights = needsWeights ? await readRunWeights(prepared, blobs) : null;
  const tensors = weights?.tensors ?? new Map();
  return {
    initial: {
      parameters: initialParameters(prepared, tensors, spec.seed),
      statistics: initialStatistics(prepared, tensors),
    },
    engineOptions: (phase) =>
      prepared.phases[phase]!.engine === 'head'
        ? { kind: 'head', head, layout, rowsPerShard, provider }
        : {
            ...{ kind: 'network', prepared, phase, rowsPerShard, provider },
            batchNorm: spec.phases[phase]!.batchNorm,
            cacheDir: spec.cache.path,
          },
  };
}
