import type { Partial } from '../collective/messages.js';
import { sumOwned } from '../collective/tree.js';
import { noEpochSums, type BestState, type TrainingState } from '../state/training-state.js';
import { abortable } from './abortable.js';
import { isBetter } from './best.js';
import { assertFinite } from './checks.js';
import { learningRateOf } from './rates.js';
import { evaluationRuns } from './rows.js';
import type { ComputeContext, RoundScores, RunParts } from './run-parts.js';
import { meanOf } from './sums.js';
import type { RoundPlan, ShardRange } from './trainer.js';
import { evaluationBatch } from './training-batch.js';
import { addSums, evaluationVectorLength, sumsOf } from './vectors.js';

type EvaluatePlan = Extract<RoundPlan, { kind: 'evaluate' }>;

/**
 * Sums [loss, weight, correct, count] over each owned shard's samples of the split, plain views: the float32 sum of its chunks in
 * order, then of the shards by the tree. Val is scored with the state as it is, test with the best one.
 */
export async function computeEvaluation(
  { run, state, opened }: ComputeContext,
  plan: EvaluatePlan,
  shards: ShardRange,
  signal: AbortSignal,
): Promise<Partial[]> {
  const tensors = plan.split === 'test' ? bestOf(state) : state;
  const vectors = Array.from(
    { length: shards.numShards },
    () => new Float32Array(evaluationVectorLength),
  );
  const phase = run.phases[plan.phase]!;
  run.timeline.enter('data');
  const engine = await opened.engine(plan.phase, shards, signal);
  const features = await opened.queue(plan.phase, shards, signal);
  const runs = evaluationRuns(run.plan, plan, shards, phase.numFeatures);
  for (const [index, chunks] of runs.entries()) {
    run.timeline.enter('features');
    const features_SBF = await abortable(features.take(plan.round, index), signal);
    run.timeline.enter('data');
    const batch = {
      ...evaluationBatch(chunks, features_SBF, run),
      giveBack: features.recycle,
    };
    run.timeline.enter('evaluate');
    const results = await abortable(engine.evaluate(batch, tensors), signal);
    for (const [row, { owned }] of chunks.entries()) addSums(vectors[owned]!, batch, results, row);
  }
  return sumOwned(shards.firstShard, vectors, run.plan.numShards);
}

/** Records the score of the whole split and decides which epoch is the best. Rejects with FT_LOSS_NOT_FINITE. */
export async function applyEvaluation(
  run: RunParts,
  state: TrainingState,
  plan: EvaluatePlan,
  reduced: Float32Array,
): Promise<RoundScores> {
  run.timeline.enter('evaluate');
  const sums = sumsOf(reduced);
  const score = meanOf(sums);
  const { numBad, ledger } = await run.work.inspect(reduced, state.ledger, plan.round);
  const learningRate = learningRateOf(run, state.history, plan);
  const { spec } = run.phases[plan.phase]!;
  assertFinite(plan, { numBad, loss: score.loss, learningRate, spec });
  state.ledger = ledger;
  const scores = { split: plan.split, samples: sums.count, ...score, learningRate };
  if (plan.split === 'test') {
    state.test = score;
    return { ...scores, epochTraining: null, isBest: false };
  }
  const { phase, epoch } = plan;
  const train = meanOf(state.epochSums);
  const value = score[run.spec.best.metric];
  const isBest = isBetter(run.spec.best.metric, value, state.best);
  if (isBest) {
    const parameters = await run.work.keep(state.parameters, state.best?.parameters);
    state.best = { phase, epoch, value, parameters, statistics: state.statistics.slice() };
  }
  state.history.push({
    phase,
    epoch,
    trainLoss: train.loss,
    trainAccuracy: train.accuracy,
    valLoss: score.loss,
    valAccuracy: score.accuracy,
    learningRate,
  });
  state.epochSums = noEpochSums;
  return { ...scores, epochTraining: train, isBest };
}

/** An epoch ends with an evaluation on val, and every phase has one, so a best epoch is there before test. */
export function bestOf(state: Readonly<TrainingState>): BestState {
  if (state.best === null)
    throw new TypeError('No epoch was evaluated before the best was needed.');
  return state.best;
}
