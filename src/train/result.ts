import type { RunSpec } from '../config/run-spec.js';
import type { RunResult } from '../control/events.js';
import { stateDigest } from '../state/digest.js';
import type { TrainingState } from '../state/training-state.js';

/** The part of a run's result that its state alone decides, so that it is the same for any number of workers. */
export type StateResult = Pick<
  RunResult,
  'epochs' | 'steps' | 'samples' | 'train' | 'val' | 'test' | 'best' | 'digest'
>;

/**
 * `epochs`: finished ones; `steps` and `samples`: since the run began; `train` and `val`: of the last finished epoch
 * (null before it); `best.epoch` counts from 0, as in events.
 */
export function resultOf(state: Readonly<TrainingState>, spec: Pick<RunSpec, 'best'>): StateResult {
  const last = state.history.at(-1);
  const { best, test } = state;
  return {
    epochs: state.history.length,
    // Every round is a step but the evaluations and the switches to the phases after the first.
    steps: state.round - state.history.length - state.phase - (test === null ? 0 : 1),
    samples: state.samples,
    train: last === undefined ? null : { loss: last.trainLoss, accuracy: last.trainAccuracy },
    val: last === undefined ? null : { loss: last.valLoss, accuracy: last.valAccuracy },
    ...(test === null ? {} : { test }),
    best: best === null ? null : { epoch: best.epoch, metric: spec.best.metric, value: best.value },
    digest: stateDigest(state),
  };
}
