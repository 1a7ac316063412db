import type { ScheduleSpec } from '../../config/phase-spec.js';
import type { EvaluationRecord } from '../../state/training-state.js';

type PlateauSpec = Extract<ScheduleSpec, { type: 'plateau' }>;

/** A new rate that is not lower by more than this is left out: PyTorch's `eps`, which a configuration cannot change. */
const smallestStep = 1e-8;

/**
 * The rate after the evaluations `records`, oldest first: torch.optim.lr_scheduler.ReduceLROnPlateau with `threshold_mode='rel'`, mode
 * `max` of an accuracy and `min` of a loss. More than `patience` evaluations in a row without an improvement multiply the rate by
 * `factor`, down to `minRate`; those of the `cooldown` after it don't count.
 */
export function plateauRate(
  rate: number,
  spec: PlateauSpec,
  records: readonly Pick<EvaluationRecord, 'valLoss' | 'valAccuracy'>[],
): number {
  let current = rate;
  let best = spec.metric === 'accuracy' ? -Infinity : Infinity;
  let numBad = 0;
  let cooldown = 0;
  for (const record of records) {
    const value = spec.metric === 'accuracy' ? record.valAccuracy : record.valLoss;
    if (isImprovement(spec, value, best)) {
      best = value;
      numBad = 0;
    } else {
      numBad += 1;
    }
    if (cooldown > 0) {
      cooldown -= 1;
      numBad = 0;
    }
    if (numBad > spec.patience) {
      const reduced = Math.max(current * spec.factor, spec.minRate);
      if (current - reduced > smallestStep) current = reduced;
      cooldown = spec.cooldown;
      numBad = 0;
    }
  }
  return current;
}

/** Relative to the best one: an accuracy above `best * (1 + threshold)`, a loss below `best * (1 - threshold)`. */
function isImprovement({ metric, threshold }: PlateauSpec, value: number, best: number): boolean {
  return metric === 'accuracy' ? value > best * (threshold + 1) : value < best * (1 - threshold);
}
