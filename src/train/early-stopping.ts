import type { EarlyStoppingSpec } from '../config/phase-spec.js';
import type { EvaluationRecord } from '../state/training-state.js';

/**
 * Whether a phase ends after the evaluations `records`, its own and oldest first: `patience` of them in a row were no improvement.
 * An improvement is more than `minDelta` better than the last one; the first evaluation is one.
 */
export function isStopped(
  { metric, patience, minDelta }: EarlyStoppingSpec,
  records: readonly Pick<EvaluationRecord, 'valLoss' | 'valAccuracy'>[],
): boolean {
  let best = -Infinity;
  let numWithout = 0;
  for (const { valLoss, valAccuracy } of records) {
    const value = metric === 'accuracy' ? valAccuracy : -valLoss;
    if (value - best > minDelta) {
      best = value;
      numWithout = 0;
    } else {
      numWithout += 1;
    }
    if (numWithout >= patience) return true;
  }
  return false;
}
