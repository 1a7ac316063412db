import type { Partial } from '../collective/messages.js';
import { abortable } from './abortable.js';
import { assertFinite } from './checks.js';
import { learningRateOf, ratedRanges } from './rates.js';
import { batchesOf } from './round-plan.js';
import { microbatches } from './rows.js';
import type { ComputeContext, RoundScores, RunParts } from './run-parts.js';
import type { TrainingState } from '../state/training-state.js';
import { moveStatistics } from './statistics.js';
import { addToEpoch, meanOf } from './sums.js';
import type { RoundPlan, ShardRange } from './trainer.js';
import { trainingBatch } from './training-batch.js';
import { statisticsPart, sumsOf } from './vectors.js';

/*
 * One training step, in the order and with the numbers of the stage table in ARCHITECTURE.md.
 * B: rows of a shard's microbatch, F: features, S: owned shards.
 */
type StepPlan = Extract<RoundPlan, { kind: 'step' }>;

/** Stages 2 to 5 of each of the update's batches: the sums below the owned shards' subtrees. */
export async function computeStep(
  { run, state, opened }: ComputeContext,
  plan: StepPlan,
  shards: ShardRange,
  signal: AbortSignal,
): Promise<Partial[]> {
  const phase = run.phases[plan.phase]!;
  const { sampling } = phase.spec;
  run.timeline.enter('data');
  const engine = await opened.engine(plan.phase, shards, signal);
  const features = await opened.queue(plan.phase, shards, signal);
  const { first, end } = batchesOf(run.schedule, plan);
  const batches = [];
  for (let batch = first; batch < end; batch += 1) {
    // 2  plan: the samples and views of each owned shard
    const groups = microbatches(run.plan, { epoch: plan.epoch, batch, sampling }, shards);

    // 3, 4  decode, augment, features: asked for steps ago, so that this waits only for a backbone that is behind
    run.timeline.enter('features');
    const features_SBF = await abortable(features.take(plan.round, batch - first), signal);

    run.timeline.enter('data');
    batches.push({
      ...trainingBatch(groups, features_SBF, run, { phase, epoch: plan.epoch, batch }),
      giveBack: features.recycle,
    });
  }
  // 5  gradients: all owned shards, each padded to B rows
  run.timeline.enter('gradients');
  const place = { ...shards, numShardsOfRun: run.plan.numShards };
  return abortable(engine.gradients(batches, place, state), signal);
}

// 6  reduce: the vectors of all shards are summed by the fixed tree (collective/tree.ts) between the two halves

/** Stages 7 to 9, from the sum over all shards. Rejects with FT_LOSS_NOT_FINITE, with nothing moved. */
export async function applyStep(
  run: RunParts,
  state: TrainingState,
  plan: StepPlan,
  reduced: Float32Array,
): Promise<RoundScores> {
  run.timeline.enter('update');
  const phase = run.phases[plan.phase]!;
  const sums = sumsOf(reduced);
  const { loss, accuracy } = meanOf(sums);

  // 7  check: every worker holds the same sums, so every worker decides the same
  const inspected = await run.work.inspect(reduced, state.ledger, plan.round);
  const { numBad, ledger } = inspected;
  const learningRate = learningRateOf(run, state.history, plan);
  assertFinite(plan, { numBad, loss, learningRate, spec: phase.spec });

  // 8  update
  // A copy: the update takes the vector over. What else moves does so after it, all at once.
  const statistics = statisticsPart(inspected.reduced, phase.numTrained)?.slice();
  const update = state.updates + 1;
  const spare = await run.work.update(state, {
    reduced: inspected.reduced,
    numTrained: phase.numTrained,
    weight: sums.weight,
    ranges: ratedRanges(run, state.history, plan, update),
    clip: phase.spec.clip,
  });
  run.recycle(spare);
  if (statistics !== undefined) moveStatistics(state.statistics, phase.statistics, statistics);
  state.updates = update;
  state.ledger = ledger;

  // 9  report: sent by the worker, without waiting
  state.samples += sums.count;
  state.epochSums = addToEpoch(state.epochSums, sums);
  const scores = { split: 'train', samples: sums.count, loss, accuracy, learningRate } as const;
  return { ...scores, epochTraining: null, isBest: false };
}
