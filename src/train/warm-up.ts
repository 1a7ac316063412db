import { sumOwned } from '../collective/tree.js';
import type { PhaseEngine, ShardBatch } from '../engines/phase-engine.js';
import { initialState, type TrainingState } from '../state/training-state.js';
import { updateScalars } from './optimizers/update.js';
import type { RunPhase } from './run-phase.js';
import type { RunParts } from './run-parts.js';
import { inlineStateWork } from './state-work.js';
import { hasStateThread } from './state-work/open-state-work.js';
import type { ShardRange } from './trainer.js';

export interface WarmUpPlace {
  readonly phase: number;
  readonly shards: ShardRange;
}

/**
 * One run of each graph of a phase on zeros, of the shape that its steps will have: graphs are loaded, threads are started, kernels
 * chosen and code compiled before the phase's first step, in which everybody would wait for it. Costs about one step.
 */
export async function warmUp(
  engine: PhaseEngine,
  run: Pick<RunParts, 'plan' | 'phases' | 'schedule' | 'numClasses' | 'recycle'>,
  state: Readonly<TrainingState>,
  { phase: index, shards }: WarmUpPlace,
): Promise<void> {
  const { numShards } = shards;
  const { rowsPerShard } = run.plan;
  const phase = run.phases[index]!;
  const numRows = numShards * rowsPerShard;
  // Of large images they are too much to be copied to the engine's thread.
  const spare: Float32Array[] = [];
  const batch = (): ShardBatch => ({
    ...{ numShards, rowsPerShard, mix: null, dropout: null },
    features_SBF: spare.pop() ?? new Float32Array(numRows * phase.numFeatures),
    giveBack: (features_SBF) => {
      spare.push(features_SBF);
    },
    targets_SBK: new Float32Array(numRows * run.numClasses),
    labels_SB: new Int32Array(numRows),
    weights_S: new Float32Array(numShards),
    counts_S: new Float32Array(numShards).fill(rowsPerShard),
  });
  // An update of several batches has another graph than one of a single batch, and the same for any number of them.
  const accumulates = Math.min(phase.spec.accumulate, run.schedule.numBatches) > 1;
  const batches = accumulates ? [batch(), batch()] : [batch()];
  const place = { ...shards, numShardsOfRun: run.plan.numShards };
  // The first step finds the arrays of long vectors in the pool.
  for (const { values } of await engine.gradients(batches, place, state)) run.recycle(values);
  await engine.evaluate(batch(), state);
  await warmLoops(phase, !hasStateThread(state.parameters.length));
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
