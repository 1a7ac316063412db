import type { RunSpec } from '../config/run-spec.js';
import type { RunResult } from '../control/events.js';
import type { Plan } from '../data/plan.js';
import { stateDigest } from '../state/digest.js';
import type { TrainingState } from '../state/training-state.js';
import { roundSchedule } from './make-trainer.js';
import { numStepsUntil } from './phases.js';

/** The part of a run's result that its state alone decides, so that it is the same for any number of workers. */
export type StateResult = Pick<
  RunResult,
  'epochs' | 'steps' | 'samples' | 'train' | 'val' | 'test' | 'best' | 'digest'
>;

/**
 * `epochs`: finished ones; `steps` and `samples`: since the run began; `train` and `val`: of the last finished epoch
 * (null before it); `best.epoch` counts from 0, as in events.
 */
export function resultOf(
  state: Readonly<TrainingState>,
  { spec, plan }: { spec: Pick<RunSpec, 'phases' | 'best'>; plan: Plan },
): StateResult {
  const last = state.history.at(-1);
  const { best, test } = state;
  return {
    epochs: state.history.length,
    steps: numStepsUntil(roundSchedule(spec, plan, state.parameters.length), state.round),
    samples: state.samples,
    train: last === undefined ? null : { loss: last.trainLoss, accuracy: last.trainAccuracy },
    val: last === undefined ? null : { loss: last.valLoss, accuracy: last.valAccuracy },
    ...(test === null ? {} : { test }),
    best: best === null ? null : { epoch: best.epoch, metric: spec.best.metric, value: best.value },
    digest: stateDigest(state),
  };
}
