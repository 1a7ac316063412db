import { TreeSum } from '../../collective/tree-sum.js';
import { subtreeRuns } from '../../collective/tree.js';
import type { VectorPool } from '../../collective/vector-pool.js';
import { FtctlError } from '../../errors/index.js';
import type { Network } from '../../models/network.js';
import type { ParameterLayout } from '../../models/parameter-layout.js';
import { assertBatchFits } from '../batch-shape.js';
import type { Provider, TensorValue } from '../onnx-session.js';
import type { PhaseEngine, ShardBatch, ShardSums, TrainingTensors } from '../phase-engine.js';
import { GradientRun } from './gradient-run.js';
import { graphNames } from './graph-names.js';
import { GraphSession } from './graph-session.js';
import { stepLayout, type StatisticsOf } from './step-layout.js';

export type Pass = 'gradient' | 'evaluation';

/** What an engine of a part of a network is made of. */
export interface NetworkParts extends EngineSurroundings {
  /** The bytes of the training graph of a number of shards; with `sumsShards` it may give gradients as their sums over the shards. */
  readonly graph: (pass: Pass, numShards: number, sumsShards: boolean) => Uint8Array;
  readonly network: Pick<Network, 'layers'>;
  readonly rowsPerShard: number;
  readonly numFeatures: number;
  readonly numClasses: number;
  /** Of the run's state. */
  readonly layout: ParameterLayout;
  readonly statistics: readonly StatisticsOf[];
  /** What the phase moves: parameters, and layers whose statistics are those of the microbatch. */
  readonly trained: ReadonlySet<string>;
  readonly moving: ReadonlySet<string>;
  readonly provider: Provider;
  /** The most shards in one run: a power of two up to 8. */
  readonly maxShards: Readonly<Record<Pass, number>>;
}

/** What an engine is in. */
export interface EngineSurroundings {
  /** Asked between the runs of a call: whether nobody waits for its result any more. */
  readonly isGivenUp: () => boolean;
  /** Where step vectors come from, and go that are needed for a call alone. */
  readonly pool: VectorPool;
}

/**
 * The engine of a phase that trains layers, in the calling thread: every call blocks it, run by run. Shards are computed several at once, in
 * runs that are subtrees of the fixed tree, and added up as they come. A graph is loaded when its number of shards first occurs.
 */
export function networkEngine(parts: NetworkParts): PhaseEngine {
  const { layout, statistics, trained, moving, rowsPerShard, numFeatures, numClasses } = parts;
  const { pool } = parts;
  const step = stepLayout(
    layout,
    trained,
    statistics.filter(({ layer }) => moving.has(layer)),
  );
  const numStatistics = statistics.reduce((sum, { channels }) => sum + 2 * channels, 0);

  const open = (pass: Pass, numShards: number, sumsShards = false): Promise<GraphSession> =>
    GraphSession.open(
      parts.graph(pass, numShards, sumsShards),
      parts.network,
      { numShards, rowsPerShard, numFeatures, numClasses },
      parts.provider,
    );
  const gradientRuns = new Map<string, GradientRun>();
  const gradientRun = async (numShards: number, numBatches: number): Promise<GradientRun> => {
    // A shard's batches are added up before shards are: only those of a single batch can be within the graph.
    const sumsShards = numShards > 1 && numBatches === 1;
    const key = `${numShards} ${sumsShards}`;
    const known = gradientRuns.get(key);
    if (known !== undefined) return known;
    const opened = new GradientRun(await open('gradient', numShards, sumsShards), step);
    gradientRuns.set(key, opened);
    return opened;
  };
  let evaluation: GraphSession | undefined;

  const check = (
    batch: ShardBatch,
    tensors: TrainingTensors,
    numShards = batch.numShards,
  ): void => {
    assertBatchFits(batch, { rowsPerShard, numFeatures, numClasses, numShards });
    if (tensors.parameters.length !== layout.length) {
      throw new RangeError(
        `${tensors.parameters.length} parameters are not those of the run's state.`,
      );
    }
    if (tensors.statistics.length !== numStatistics) {
      throw new RangeError(
        `${tensors.statistics.length} statistics are not those of the run's state.`,
      );
    }
  };
  const goOn = (): void => {
    if (!parts.isGivenUp()) return;
    throw new FtctlError('FT_ENGINE_FAILED', {
      what: 'The computation of gradients was given up.',
      why: 'Nobody waits for it any more.',
    });
  };
  const stateOf = (tensors: TrainingTensors): Record<string, TensorValue> => ({
    ...parameterTensors(layout, tensors.parameters),
    ...statisticsTensors(statistics, tensors.statistics),
  });

  return {
    async gradients(batches, { firstShard, numShards: numOwned, numShardsOfRun }, tensors) {
      for (const batch of batches) check(batch, tensors, numOwned);
      const state = stateOf(tensors);
      const sum = new TreeSum(numShardsOfRun);
      const { maxShards } = parts;
      const runs = subtreeRuns(firstShard, numOwned, numShardsOfRun, maxShards.gradient);
      for (const { node, first, numShards } of runs) {
        goOn();
        const run = await gradientRun(numShards, batches.length);
        const vector = sum.takeSpare() ?? pool.take(step.length);
        await run.sum(batches, first - firstShard, state, vector);
        sum.add(node, vector);
      }
      for (let spare = sum.takeSpare(); spare !== undefined; spare = sum.takeSpare()) {
        pool.give(spare);
      }
      return sum.partials();
    },
    async evaluate(batch, tensors): Promise<ShardSums> {
      check(batch, tensors);
      const state = stateOf(tensors);
      const losses_S = new Float32Array(batch.numShards);
      const correct_S = new Float32Array(batch.numShards);
      for (let first = 0; first < batch.numShards; first += parts.maxShards.evaluation) {
        goOn();
        evaluation ??= await open('evaluation', parts.maxShards.evaluation);
        const outputs = await evaluation.run(batch, first, state, { isTraining: false });
        // What is padding after the batch's end is left out.
        const owned = batch.numShards - first;
        losses_S.set(outputs[graphNames.losses]!.subarray(0, owned), first);
        correct_S.set(outputs[graphNames.correct]!.subarray(0, owned), first);
      }
      return { losses_S, correct_S };
    },
    async close() {
      for (const run of gradientRuns.values()) await run.close();
      await evaluation?.close();
    },
  };
}

function parameterTensors(
  layout: ParameterLayout,
  parameters: Float32Array,
): Record<string, TensorValue> {
  return Object.fromEntries(
    layout.entries.map(({ name, offset, length, shape }) => [
      name,
      { data: parameters.subarray(offset, offset + length), dims: shape },
    ]),
  );
}

/** For each batch norm its running mean [C], then its running variance [C]. */
function statisticsTensors(
  layers: readonly StatisticsOf[],
  statistics: Float32Array,
): Record<string, TensorValue> {
  const tensors: Record<string, TensorValue> = {};
  let offset = 0;
  for (const { layer, channels } of layers) {
    for (const kind of ['running_mean', 'running_var']) {
      const data = statistics.subarray(offset, offset + channels);
      tensors[`${layer}.${kind}`] = { data, dims: [channels] };
      offset += channels;
    }
  }
  return tensors;
}
