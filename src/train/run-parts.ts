import type { RunSpec } from '../config/run-spec.js';
import type { Plan } from '../data/plan.js';
import type { Timeline } from '../metrics/timeline.js';
import type { TrainingState } from '../state/training-state.js';
import type { OpenedPhases } from './phase-parts.js';
import type { RoundSchedule } from './round-plan.js';
import type { RunPhase } from './run-phase.js';
import type { StateWork } from './state-work.js';
import type { RoundOutcome } from './trainer.js';

/** What a run's rounds are computed with. Nothing here changes during the run. */
export interface RunParts {
  readonly spec: Pick<RunSpec, 'seed' | 'best' | 'checkpoint'>;
  readonly plan: Plan;
  readonly phases: readonly RunPhase[];
  readonly schedule: RoundSchedule;
  /** K */
  readonly numClasses: number;
  /** Labels and ids of all samples of the manifest, by sample index. */
  readonly labels: Int32Array;
  readonly ids: readonly string[];
  readonly work: StateWork;
  /** Takes the arrays of long vectors that are not needed any more. */
  readonly recycle: (values: Float32Array) => void;
  readonly timeline: Timeline;
}

/** What one round is computed in: the run, the state that it starts from, and what its phase is computed with. */
export interface ComputeContext {
  readonly run: RunParts;
  readonly state: Readonly<TrainingState>;
  readonly opened: OpenedPhases;
}

/** What applying a round found out, on every worker alike. */
export type RoundScores = Pick<
  RoundOutcome,
  'split' | 'samples' | 'loss' | 'accuracy' | 'learningRate' | 'epochTraining' | 'isBest'
>;
