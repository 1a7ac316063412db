import { sumOwned } from '../collective/tree.js';
import type { VectorPool } from '../collective/vector-pool.js';
import type { PhaseEngine, TrainingTensors } from '../engines/phase-engine.js';
import { updateScalars } from '../train/optimizers/update.js';
import type { RunPhase } from '../train/run-phase.js';
import { inlineStateWork } from '../train/state-work.js';
import { hasStateThread } from '../train/state-work/open-state-work.js';
import { initialState } from '../state/training-state.js';

export interface WarmUpShape {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly numClasses: number;
  readonly phase: RunPhase;
  readonly initial: TrainingTensors;
  /** Of long vectors: the first step finds those of the warm-up there. */
  readonly pool: VectorPool;
}

/**
 * One run of each graph on zeros, of the shape that steps will have: threads are started, kernels chosen and code compiled before the
 * worker is a member, since afterwards everybody waits for it.
 */
export async function warmUp(engine: PhaseEngine, shape: WarmUpShape): Promise<void> {
  const { numShards, rowsPerShard, numClasses, phase, initial, pool } = shape;
  const numRows = numShards * rowsPerShard;
  const batch = {
    ...{ numShards, rowsPerShard, mix: null, dropout: null },
    features_SBF: new Float32Array(numRows * phase.numFeatures),
    targets_SBK: new Float32Array(numRows * numClasses),
    labels_SB: new Int32Array(numRows),
    weights_S: new Float32Array(numShards),
    counts_S: new Float32Array(numShards).fill(rowsPerShard),
  };
  const place = { firstShard: 0, numShards, numShardsOfRun: numShards };
  const partials = await engine.gradients([batch], place, initial);
  for (const { values } of partials) pool.give(values);
  await engine.evaluate(batch, initial);
  const isInline = !hasStateThread(initial.parameters.length);
  await warmLoops(phase, isInline);
}

const numWarmUpdates = 8;

/** Loops are warm after so many values too, which take a millisecond. */
const maxWarmed = 100_000;

/**
 * The loops of a sum and an update, until they are compiled, and for fractions (whole numbers would be compiled for themselves):
 * the first step takes tens of milliseconds otherwise. Kernels, in another thread, are compiled before they run.
 */
async function warmLoops(
  { spec, stepLength, ...phase }: RunPhase,
  isInline: boolean,
): Promise<void> {
  const numbers = (length: number) => new Float32Array(length).fill(0.3);
  const numTrained = Math.min(phase.numTrained, maxWarmed);
  const work = inlineStateWork();
  const state = initialState({ parameters: numbers(numTrained), statistics: numbers(0) });
  const shard = numbers(numTrained + stepLength - phase.numTrained);
  const { learningRate, weightDecay } = spec.optimizer;
  for (let step = 1; step <= numWarmUpdates; step += 1) {
    const reduced = sumOwned(0, [shard, shard], 2)[0]!.values;
    if (!isInline) continue;
    await work.inspect(reduced, state.ledger, step);
    const scalars = updateScalars(spec.optimizer, { step, learningRate, weightDecay });
    const range = { gradientOffset: 0, parameterOffset: 0, length: numTrained, scalars };
    await work.update(state, { reduced, numTrained, weight: 2, ranges: [range], clip: spec.clip });
  }
}
