import { abortable } from './abortable.js';
import { adamUpdate } from './adam.js';
import { padBatch } from './batch.js';
import { assertFinite } from './checks.js';
import { microbatches } from './rows.js';
import type { ComputeContext, RoundScores, RunParts } from './run-parts.js';
import { learningRateAt } from './schedule.js';
import type { TrainingState } from '../state/training-state.js';
import { addToEpoch, meanOf, meanGradients } from './sums.js';
import type { RoundPlan, ShardRange } from './trainer.js';
import { stepVectors, sumsOf } from './vectors.js';

/*
 * One training step, in the order and with the numbers of the stage table in ARCHITECTURE.md.
 * B: rows of a shard's microbatch, F: features, R: rows of this worker, S: owned shards.
 */
type StepPlan = Extract<RoundPlan, { kind: 'step' }>;

/** Stages 2 to 5: one vector [gradient, loss, weight, correct, count] of sums for each owned shard. */
export async function computeStep(
  { run, state, features }: ComputeContext,
  plan: StepPlan,
  shards: ShardRange,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  // 2  plan: the samples and views of each owned shard
  run.timeline.enter('data');
  const groups = microbatches(run.plan, plan, shards);

  // 3, 4  decode, augment, features: asked for steps ago, so that this waits only for a backbone that is behind
  run.timeline.enter('features');
  const features_RF = await abortable(features.take(plan.round, 0), signal);

  // 5  gradients: one run for all owned shards, each padded to B rows
  run.timeline.enter('data');
  const batch_SBF = padBatch(groups, features_RF, run);
  run.timeline.enter('gradients');
  const results = await abortable(run.engine.gradients(batch_SBF, state.parameters), signal);
  return stepVectors(batch_SBF, results);
}

// 6  reduce: the vectors of all shards are summed by the fixed tree (collective/tree.ts) between the two halves

/** Stages 7 to 9, from the sum over all shards. Throws FT_LOSS_NOT_FINITE, with nothing moved. */
export function applyStep(
  run: RunParts,
  state: TrainingState,
  plan: StepPlan,
  reduced: Float32Array,
): RoundScores {
  run.timeline.enter('update');
  const sums = sumsOf(reduced);
  const { loss, accuracy } = meanOf(sums);

  // 7  check: every worker holds the same sums, so every worker decides the same
  assertFinite(run.spec.phases, plan, reduced, loss);

  // 8  update
  const { optimizer } = run.spec.phases[plan.phase]!;
  if (optimizer.type === 'sgd') throw new RangeError('The update is not Adam.');
  const learningRate = learningRateAt(run.spec.phases, plan.phase, plan.epoch);
  state.updates += 1;
  const gradients = meanGradients(reduced, sums, run.scratch_P);
  adamUpdate(state, gradients, state.updates, learningRate, optimizer);

  // 9  report: sent by the worker, without waiting
  state.samples += sums.count;
  state.epochSums = addToEpoch(state.epochSums, sums);
  return { split: 'train', samples: sums.count, loss, accuracy, isBest: false };
}
