import type { PhaseSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { learningRateAt } from './schedule.js';
import type { RoundPlan } from './trainer.js';

/**
 * Refuses a reduced vector that is not finite, before anything moves. Every worker holds the same vector, so every
 * worker refuses it alike. `loss` is the mean loss that follows from it. Throws FT_LOSS_NOT_FINITE.
 */
export function assertFinite(
  phases: readonly PhaseSpec[],
  plan: Exclude<RoundPlan, { kind: 'phase' }>,
  reduced: Float32Array,
  loss: number,
): void {
  const numBad = countNotFinite(reduced);
  if (numBad === 0 && Number.isFinite(loss)) return;
  const { round, phase, epoch } = plan;
  const learningRate = learningRateAt(phases, phase, epoch);
  const base = phases[phase]!.optimizer.learningRate;
  const bad = Number.isFinite(loss)
    ? `${numBad} values of the gradient are not finite`
    : `The loss is ${loss}`;
  throw new FtctlError('FT_LOSS_NOT_FINITE', {
    what: `${bad} in round ${round} (epoch ${epoch + 1}, ${placeIn(plan)}), at learning rate ${learningRate}.`,
    why: 'The parameters were left as they were before it.',
    remedy: `Start again with a lower learning rate than ${base}: --set phases.${phase}.optimizer.learningRate=${tenth(base)}.`,
    details: { round, phase, epoch, learningRate, loss: String(loss) },
    phase: plan.kind === 'step' ? 'update' : 'evaluate',
  });
}

function placeIn(plan: Exclude<RoundPlan, { kind: 'phase' }>): string {
  return plan.kind === 'step' ? `step ${plan.step + 1}` : `evaluation on ${plan.split}`;
}

/** Without the digits that binary fractions add: 0.1 / 10 is shown as 0.01. */
function tenth(rate: number): number {
  return Number((rate / 10).toPrecision(6));
}

/** How many values are NaN or infinite. */
export function countNotFinite(values: Float32Array): number {
  let count = 0;
  // By index, and a - a !== 0 for NaN and the infinities: this runs over the whole gradient in each step.
  for (let i = 0; i < values.length; i += 1) {
    const value = values[i]!;
    if (value - value !== 0) count += 1;
  }
  return count;
}
