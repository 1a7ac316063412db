import type { Partial } from '../collective/messages.js';
import { sumOwned } from '../collective/tree.js';
import type { TrainingState } from '../state/training-state.js';
import { bestOf } from './evaluate.js';
import { learningRateOf } from './rates.js';
import type { ComputeContext, RoundScores, RunParts } from './run-parts.js';
import type { RoundPlan, ShardRange } from './trainer.js';

type SwitchPlan = Extract<RoundPlan, { kind: 'phase' }>;

/**
 * A phase switch has nothing to sum up; each shard gives a 1, so that the round is one like any other. What the phase is computed with is
 * opened and warmed up meanwhile: nobody takes a step before everybody can.
 */
export async function computeSwitch(
  { run, opened }: ComputeContext,
  plan: SwitchPlan,
  shards: ShardRange,
  signal: AbortSignal,
): Promise<Partial[]> {
  // Work, and no waiting for others: a slow disk is nobody's deadlock.
  run.timeline.enter('features');
  await opened.engine(plan.phase, shards, signal);
  const ones = Array.from({ length: shards.numShards }, () => Float32Array.of(1));
  return sumOwned(shards.firstShard, ones, run.plan.numShards);
}

/** Begins a phase: fresh moments, and the best state so far where the phase says `from: best`. */
export async function applySwitch(
  run: RunParts,
  state: TrainingState,
  plan: SwitchPlan,
  reduced: Float32Array,
): Promise<RoundScores> {
  run.timeline.enter('update');
  if (reduced[0] !== run.plan.numShards) {
    throw new RangeError(
      `Round ${plan.round} counted ${reduced[0]} of ${run.plan.numShards} shards.`,
    );
  }
  const { ledger } = await run.work.inspect(reduced, state.ledger, plan.round);
  await run.work.restart(
    state,
    run.phases[plan.phase]!.spec.from === 'best' ? bestOf(state) : null,
  );
  state.updates = 0;
  state.ledger = ledger;
  const learningRate = learningRateOf(run, state.history, plan);
  const scores = { split: 'train', samples: 0, loss: 0, accuracy: 0, learningRate } as const;
  return { ...scores, epochTraining: null, isBest: false };
}
