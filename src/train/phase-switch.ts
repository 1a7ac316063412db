import type { TrainingState } from '../state/training-state.js';
import { bestParameters } from './evaluate.js';
import type { RoundScores, RunParts } from './run-parts.js';
import type { RoundPlan, ShardRange } from './trainer.js';

/** A phase switch has nothing to sum up; each shard gives a 1, so that the round is one like any other. */
export function computeSwitch(shards: ShardRange): Float32Array[] {
  return Array.from({ length: shards.numShards }, () => Float32Array.of(1));
}

/** Begins a phase: fresh moments, and the best parameters so far where the phase says `from: best`. */
export function applySwitch(
  run: RunParts,
  state: TrainingState,
  plan: Extract<RoundPlan, { kind: 'phase' }>,
  reduced: Float32Array,
): RoundScores {
  run.timeline.enter('update');
  if (reduced[0] !== run.plan.numShards) {
    throw new RangeError(
      `Round ${plan.round} counted ${reduced[0]} of ${run.plan.numShards} shards.`,
    );
  }
  if (run.spec.phases[plan.phase]!.from === 'best')
    state.parameters = bestParameters(state).slice();
  state.firstMoments = new Float32Array(state.parameters.length);
  state.secondMoments = new Float32Array(state.parameters.length);
  state.updates = 0;
  return { split: 'train', samples: 0, loss: 0, accuracy: 0, isBest: false };
}
