import { noEpochSums, type TrainingState } from '../state/training-state.js';
import { abortable } from './abortable.js';
import { padBatch } from './batch.js';
import { isBetter } from './best.js';
import { assertFinite } from './checks.js';
import { evaluationRuns } from './rows.js';
import type { ComputeContext, RoundScores, RunParts } from './run-parts.js';
import { learningRateAt } from './schedule.js';
import { meanOf } from './sums.js';
import type { RoundPlan, ShardRange } from './trainer.js';
import { addSums, evaluationVectorLength, sumsOf } from './vectors.js';

type EvaluatePlan = Extract<RoundPlan, { kind: 'evaluate' }>;

/**
 * One vector [loss, weight, correct, count] of sums over each owned shard's samples of the split, plain views: the
 * float32 sum of its chunks in order. Val is scored with the parameters as they are, test with the best ones.
 */
export async function computeEvaluation(
  { run, state, features }: ComputeContext,
  plan: EvaluatePlan,
  shards: ShardRange,
  signal: AbortSignal,
): Promise<Float32Array[]> {
  const parameters = plan.split === 'test' ? bestParameters(state) : state.parameters;
  const vectors = Array.from(
    { length: shards.numShards },
    () => new Float32Array(evaluationVectorLength),
  );
  run.timeline.enter('data');
  for (const [index, chunks] of evaluationRuns(run.plan, plan, shards).entries()) {
    run.timeline.enter('features');
    const features_RF = await abortable(features.take(plan.round, index), signal);
    run.timeline.enter('data');
    const batch = padBatch(chunks, features_RF, run);
    run.timeline.enter('evaluate');
    const results = await abortable(run.engine.evaluate(batch, parameters), signal);
    for (const [row, { owned }] of chunks.entries()) addSums(vectors[owned]!, batch, results, row);
  }
  return vectors;
}

/** Records the score of the whole split and decides which epoch is the best. Throws FT_LOSS_NOT_FINITE. */
export function applyEvaluation(
  run: RunParts,
  state: TrainingState,
  plan: EvaluatePlan,
  reduced: Float32Array,
): RoundScores {
  run.timeline.enter('evaluate');
  const sums = sumsOf(reduced);
  const score = meanOf(sums);
  assertFinite(run.spec.phases, plan, reduced, score.loss);
  const scores = { split: plan.split, samples: sums.count, ...score };
  if (plan.split === 'test') {
    state.test = score;
    return { ...scores, isBest: false };
  }
  const { phase, epoch } = plan;
  const train = meanOf(state.epochSums);
  state.history.push({
    phase,
    epoch,
    trainLoss: train.loss,
    trainAccuracy: train.accuracy,
    valLoss: score.loss,
    valAccuracy: score.accuracy,
    learningRate: learningRateAt(run.spec.phases, phase, epoch),
  });
  state.epochSums = noEpochSums;
  const value = score[run.spec.best.metric];
  const isBest = isBetter(run.spec.best.metric, value, state.best);
  if (isBest)
    state.best = {
      phase,
      epoch,
      value,
      parameters: state.parameters.slice(),
      statistics: state.statistics.slice(),
    };
  return { ...scores, isBest };
}

/** An epoch ends with an evaluation on val, and every phase has one, so a best epoch is there before test. */
export function bestParameters(state: Readonly<TrainingState>): Float32Array {
  if (state.best === null)
    throw new TypeError('No epoch was evaluated before the best was needed.');
  return state.best.parameters;
}
