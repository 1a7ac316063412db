import type { RunSpec } from '../config/run-spec.js';
import type { BestState } from '../state/training-state.js';

/**
 * Whether a value of the metric on val is better than the best so far: strictly, so that of equal epochs the first
 * one stays. `value` is finite.
 */
export function isBetter(
  metric: RunSpec['best']['metric'],
  value: number,
  best: Pick<BestState, 'value'> | null,
): boolean {
  if (best === null) return true;
  return metric === 'accuracy' ? value > best.value : value < best.value;
}
