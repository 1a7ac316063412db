import { FtctlError } from '../errors/index.js';
import type { RoundPlan } from './trainer.js';

/** What a round's sum says of itself. */
export interface RoundFinding {
  /** Values of the sum that are NaN or infinite. */
  readonly numBad: number;
  /** The mean loss that follows from it. */
  readonly loss: number;
  readonly learningRate: number;
  /** The phase's learning rate before any schedule. */
  readonly base: number;
}

/**
 * Refuses a sum that is not finite, before anything moves. Every worker holds the same sum, so every worker refuses it alike. Throws
 * FT_LOSS_NOT_FINITE.
 */
export function assertFinite(
  plan: Exclude<RoundPlan, { kind: 'phase' }>,
  { numBad, loss, learningRate, base }: RoundFinding,
): void {
  if (numBad === 0 && Number.isFinite(loss)) return;
  const { round, phase, epoch } = plan;
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
