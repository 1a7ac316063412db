import type { PhaseSpec } from '../config/phase-spec.js';
import type { BlobStore } from '../util/blob-store.js';
import { headLayout, headOf } from './head.js';
import { featuresOf, type Layer, type Network } from './network.js';
import { lowerNetwork } from './onnx/lower-network.js';
import { parameterLayout } from './parameter-layout.js';
import type { MovedStatistics, PreparedModel } from './prepared-model.js';
import type { PreparedPhase, StateTensor } from './prepared-phase.js';
import { inferShapes } from './shapes.js';
import {
  boundariesOf,
  lossOutputs,
  movedBefore,
  phaseSuffix,
  resolveTrained,
  trainedBatchNorms,
} from './split-point.js';
import { layerTensors, numElements } from './tensor-specs.js';
import type { TensorSet } from './weights/tensor-set.js';

/** What of a phase its preparation depends on. */
export type PhaseToPrepare = Pick<PhaseSpec, 'train' | 'except' | 'batchNorm'>;

/** The classifier alone, in one phase. */
export const headPhase: PhaseToPrepare = { train: ['head'], except: [], batchNorm: 'frozen' };

/** A phase whose frozen prefix has not been lowered. */
export type PhasePlan = Omit<PreparedPhase, 'backboneSha256'>;

/** What phases make of a network, as far as its description tells. */
export interface PhasesPlan extends Pick<PreparedModel, 'parameters' | 'statistics'> {
  readonly phases: readonly PhasePlan[];
}

/**
 * Divides a network for each of a run's phases, and says what the training state holds. Pure. Throws FT_MODEL_LAYER for a split
 * point that the network does not have, and FT_MODEL_IMAGE_SIZE for images that are too small for what is trained: auxiliary
 * classifiers need larger ones than the network itself.
 */
export function planPhases(
  network: Network,
  imageSize: number,
  phases: readonly PhaseToPrepare[],
): PhasesPlan {
  const points = phases.map((phase) => ({ ...phase, trained: resolveTrained(network, phase) }));
  const plans = points.map(({ trained, batchNorm }, index): PhasePlan => {
    const moved = new Set([...movedBefore(points, index), ...trained]);
    const statistics =
      batchNorm === 'shard' ? trainedBatchNorms(network, trained).map(({ name }) => name) : [];
    return { trained, statistics, ...divide(network, imageSize, moved) };
  });
  const moved = new Set(plans.flatMap(({ trained }) => trained));
  const withStatistics = new Set(plans.flatMap(({ statistics }) => statistics));
  return {
    phases: plans,
    parameters: stateTensors(network, moved),
    statistics: network.layers
      .filter(({ name }) => withStatistics.has(name))
      .map(movedStatistics)
      .sort((a, b) => (a.layer < b.layer ? -1 : 1)),
  };
}

/** Where nothing but the classifier moves, it is computed without the dropout before it, by a graph of its own. */
function divide(
  network: Network,
  imageSize: number,
  moved: ReadonlySet<string>,
): Pick<PhasePlan, 'engine' | 'boundaries' | 'numFeatures'> {
  const head = headOf(network, imageSize);
  const ofHead = new Set(headLayout(head).entries.map(({ name }) => name));
  if ([...moved].every((name) => ofHead.has(name))) {
    const { numFeatures } = head;
    return { engine: 'head', boundaries: [featuresOf(network)], numFeatures };
  }
  const shapes = inferShapes(network, imageSize, ...lossOutputs(network, moved));
  const boundaries = boundariesOf(network, phaseSuffix(network, moved));
  const lengths = boundaries.map((name) => numElements(shapes.get(name)!));
  const numFeatures = lengths.reduce((sum, length) => sum + length, 0);
  return { engine: 'network', boundaries, numFeatures };
}

function stateTensors(network: Network, names: ReadonlySet<string>): StateTensor[] {
  const specs = network.layers.flatMap(layerTensors).filter(({ name }) => names.has(name));
  return parameterLayout(specs).entries.map(({ name, shape }) => ({ name, shape }));
}

function movedStatistics(layer: Layer): MovedStatistics {
  if (layer.kind !== 'batchNorm' || layer.momentum === null) {
    throw new Error(`${layer.name} has no running statistics with a momentum`);
  }
  return { layer: layer.name, channels: layer.channels, momentum: layer.momentum };
}

/**
 * Lowers the frozen prefix of each phase and stores it: `images` [N, 3, S, S] -> `features` [N, F]. Phases with the same prefix share
 * it. Rejects with FT_DISK_FULL or FT_NOT_WRITABLE.
 */
export async function lowerPhases(
  network: Network,
  tensors: TensorSet,
  { phases, imageSize, blobs }: PhasesToLower,
): Promise<PreparedPhase[]> {
  const stored = new Map<string, string>();
  const prepared: PreparedPhase[] = [];
  for (const phase of phases) {
    const key = phase.boundaries.join();
    let backboneSha256 = stored.get(key);
    if (backboneSha256 === undefined) {
      const prefix = lowerNetwork(network, tensors, {
        ...{ imageSize, output: phase.boundaries, outputName: 'features', flat: true },
      });
      backboneSha256 = await blobs.put(prefix);
      stored.set(key, backboneSha256);
    }
    prepared.push({ ...phase, backboneSha256 });
  }
  return prepared;
}

interface PhasesToLower {
  readonly phases: readonly PhasePlan[];
  readonly imageSize: number;
  readonly blobs: BlobStore;
}

/** The phases of a network that is frozen whatever they are: its classifier is all that moves. */
export function headPhases(
  { head, backboneSha256 }: Pick<PreparedModel, 'head' | 'backboneSha256'>,
  numPhases: number,
): Pick<PreparedModel, 'phases' | 'parameters' | 'statistics'> {
  const parameters = headLayout(head).entries.map(({ name, shape }) => ({ name, shape }));
  const phase: PreparedPhase = {
    engine: 'head',
    trained: parameters.map(({ name }) => name),
    ...{ statistics: [], boundaries: ['features'], numFeatures: head.numFeatures, backboneSha256 },
  };
  return { phases: new Array<PreparedPhase>(numPhases).fill(phase), parameters, statistics: [] };
}
