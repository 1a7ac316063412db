import type { RunSpec } from '../config/run-spec.js';
import type { Plan } from '../data/plan.js';
import type { GradientEngine } from '../engines/gradient-engine.js';
import type { Timeline } from '../metrics/timeline.js';
import type { TrainingState } from '../state/training-state.js';
import type { SampleTable } from './batch.js';
import type { FeatureQueue } from './feature-queue.js';
import type { RoundOutcome } from './trainer.js';

/** What a run's rounds are computed with. Nothing here changes during the run. */
export interface RunParts {
  readonly spec: Pick<RunSpec, 'phases' | 'best' | 'checkpoint'>;
  readonly plan: Plan;
  readonly table: SampleTable;
  readonly numFeatures: number;
  readonly engine: GradientEngine;
  readonly timeline: Timeline;
  /** The mean gradient of a step, used for nothing between steps: 100 KB of garbage less in each. */
  readonly scratch_P: Float32Array;
}

/** What one round is computed in: the run, the state that it starts from, and the owned shards' features. */
export interface ComputeContext {
  readonly run: RunParts;
  readonly state: Readonly<TrainingState>;
  readonly features: FeatureQueue;
}

/** What applying a round found out, on every worker alike. */
export type RoundScores = Pick<RoundOutcome, 'split' | 'samples' | 'loss' | 'accuracy' | 'isBest'>;
