import type { PhaseSpec } from '../../config/phase-spec.js';
import { trainingGraph } from '../../models/derivatives/training-graph.js';
import { parameterLayout } from '../../models/parameter-layout.js';
import type { PreparedModel } from '../../models/prepared-model.js';
import { frozenTensors } from '../../models/run-tensors.js';
import { layersBehind, movedBefore } from '../../models/split-point.js';
import { layerTensors } from '../../models/tensor-specs.js';
import { readRunWeights } from '../../models/weights/run-weights.js';
import { BlobStore } from '../../util/blob-store.js';
import type { Provider } from '../onnx-session.js';
import type { PhaseEngine } from '../phase-engine.js';
import { type EngineSurroundings, networkEngine } from './network-engine.js';
import { activationBytes } from './run-bytes.js';
import { shardsPerRun } from './shards-per-run.js';

export interface NetworkEngineOptions {
  readonly prepared: PreparedModel;
  /** Which of the run's phases. */
  readonly phase: number;
  readonly batchNorm: PhaseSpec['batchNorm'];
  /** Where the weights' blob is. */
  readonly cacheDir: string;
  /** B: every batch has it. */
  readonly rowsPerShard: number;
  readonly provider: Provider;
}

/** torchvision's inception: loss + 0.4 * auxiliary loss. */
const auxiliaryWeight = 0.4;

/** Of one run of a graph: 4 shards of a whole resnet18 of 64 px, or 8 of its last stage, are as fast as more. */
const runBudgetBytes = 384 * 2 ** 20;

/**
 * The engine of a phase that trains layers of one of our networks, in the calling thread. Rejects with FT_BLOB_* or FT_WEIGHTS_DAMAGED;
 * calls also with FT_ENGINE_UNAVAILABLE or FT_ENGINE_MODEL, as graphs are loaded when they are needed.
 */
export async function openNetworkEngine(
  options: NetworkEngineOptions,
  surroundings: EngineSurroundings,
): Promise<PhaseEngine> {
  const { prepared, phase, batchNorm, rowsPerShard, provider } = options;
  const { preprocessing, parameters, statistics, phases, numClasses } = prepared;
  const { trained, boundaries, numFeatures, statistics: moving } = phases[phase]!;
  const weights = await readRunWeights(prepared, new BlobStore(options.cacheDir));
  if (weights === null) throw new Error("a backbone of the user's own is frozen");
  const { network } = weights;
  const { imageSize } = preprocessing;
  const layout = parameterLayout(parameters);
  const names = new Set(trained);
  // Graphs are made when they are needed; until then nothing of the frozen prefix is kept.
  const frozen = frozenTensors(prepared, weights.tensors);
  const outputs = [network.output, ...network.auxiliaryClassifiers];
  const suffix = layersBehind(network, boundaries, outputs);
  const ofSuffix = new Set(suffix.flatMap(layerTensors).map(({ name }) => name));
  const graphOptions = {
    ...{ network, imageSize, boundaries, batchNorm, rowsPerShard, auxiliaryWeight },
    tensors: new Map([...frozen].filter(([name]) => ofSuffix.has(name))),
    trained: names,
    moved: new Set([...movedBefore(phases, phase), ...trained]),
    state: new Set([
      ...parameters.map(({ name }) => name),
      ...statistics.flatMap(({ layer }) => [`${layer}.running_mean`, `${layer}.running_var`]),
    ]),
  };
  const activations = activationBytes(network, imageSize, boundaries, rowsPerShard);
  const gradients = layout.entries
    .filter(({ name }) => names.has(name))
    .reduce((sum, { length }) => sum + length * Float32Array.BYTES_PER_ELEMENT, 0);
  return networkEngine({
    graph: (pass, numShards, sumsShards) =>
      trainingGraph({ ...graphOptions, pass, numShards, sumsShards }),
    ...{ network, rowsPerShard, numFeatures, numClasses, layout, statistics, provider },
    ...surroundings,
    trained: names,
    moving: new Set(moving),
    maxShards: {
      gradient: shardsPerRun({ gradients, activations }, runBudgetBytes),
      evaluation: shardsPerRun({ gradients: 0, activations }, runBudgetBytes),
    },
  });
}
