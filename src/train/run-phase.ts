import { stepVectorLength } from '../collective/step-vector.js';
import type { PhaseSpec } from '../config/run-spec.js';
import type { Manifest } from '../data/manifest.js';
import { parameterLayout } from '../models/parameter-layout.js';
import type { PreparedModel } from '../models/prepared-model.js';
import { statisticsLayout, type StatisticsEntry } from '../models/run-tensors.js';
import { matchesParameter } from '../models/split-point.js';
import { classWeightsOf } from './class-weights.js';
import { trainedRanges, type TrainedRange } from './trained-ranges.js';

/** A phase as rounds see it: what the configuration, the data and the prepared model say. Nothing of it is open or moves. */
export interface RunPhase {
  readonly spec: PhaseSpec;
  /** F */
  readonly numFeatures: number;
  /** Length of the gradient. */
  readonly numTrained: number;
  /** Where the gradient's values lie in the state. */
  readonly ranges: readonly TrainedRange[];
  /** The batch norms whose statistics move, in the order of the step vector. */
  readonly statistics: readonly StatisticsEntry[];
  readonly stepLength: number;
  /** Weight of each class in the loss; null: all 1. */
  readonly classWeights_K: Float32Array | null;
  /** Whether something may be dropped out: a classifier behind a frozen network has no dropout. */
  readonly dropsOut: boolean;
}

/** The part of a model that a run's phases depend on. */
export type PhasedModel = Pick<
  PreparedModel,
  'phases' | 'parameters' | 'statistics' | 'numClasses'
>;

export function runPhases(
  specs: readonly PhaseSpec[],
  model: PhasedModel,
  manifest: Pick<Manifest, 'classNames' | 'samples'>,
): RunPhase[] {
  const layout = parameterLayout(model.parameters);
  const statistics = statisticsLayout(model.statistics);
  return specs.map((spec, index) => {
    const prepared = model.phases[index]!;
    const trained = new Set(prepared.trained);
    const ranges = trainedRanges(layout, trained, spec.optimizer.groups, (pattern, name) =>
      matchesParameter(name, pattern),
    );
    const moving = statistics.filter(({ layer }) => prepared.statistics.includes(layer));
    const numTrained = ranges.reduce((sum, { length }) => sum + length, 0);
    const numStatistics = moving.reduce((sum, { channels }) => sum + 2 * channels, 0);
    return {
      ...{ spec, numTrained, ranges, statistics: moving },
      numFeatures: prepared.numFeatures,
      stepLength: stepVectorLength(numTrained, numStatistics),
      classWeights_K: classWeightsOf(spec.classWeights, manifest),
      dropsOut: prepared.engine === 'network',
    };
  });
}
