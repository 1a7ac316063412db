import { numSums, stepVectorLength } from '../../collective/step-vector.js';
import type { ParameterLayout } from '../../models/parameter-layout.js';

/** A batch norm whose running statistics are in the run's state. */
export interface StatisticsOf {
  readonly layer: string;
  /** C */
  readonly channels: number;
}

/**
 * Where a shard's results lie in its step vector (phase-engine.ts): first the gradients, then the tail, which is statistics and sums.
 */
export interface StepLayout {
  /** In the state's order; offsets are in the vector. */
  readonly gradients: readonly {
    readonly name: string;
    readonly offset: number;
    readonly length: number;
  }[];
  readonly numGradients: number;
  /** Offsets are in the tail: of the mean [C]; the variance [C] follows. */
  readonly statistics: readonly (StatisticsOf & { readonly offset: number })[];
  /** Where the sums begin in the tail. With statistics, the value before says whether the shard has any. */
  readonly sumsOffset: number;
  readonly tailLength: number;
  readonly length: number;
}

/** `trained`: names of the phase's parameters. `statistics`: of its batch norms that normalise by the microbatch, sorted by layer. */
export function stepLayout(
  state: ParameterLayout,
  trained: ReadonlySet<string>,
  statistics: readonly StatisticsOf[],
): StepLayout {
  let numGradients = 0;
  const gradients = state.entries
    .filter(({ name }) => trained.has(name))
    .map(({ name, length }) => {
      const offset = numGradients;
      numGradients += length;
      return { name, offset, length };
    });
  let numStatistics = 0;
  const inTail = statistics.map(({ layer, channels }) => {
    const offset = numStatistics;
    numStatistics += 2 * channels;
    return { layer, channels, offset };
  });
  const length = stepVectorLength(numGradients, numStatistics);
  const tailLength = length - numGradients;
  return {
    gradients,
    numGradients,
    statistics: inTail,
    sumsOffset: tailLength - numSums,
    tailLength,
    length,
  };
}
