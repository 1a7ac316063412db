import type { PhaseSpec } from '../config/phase-spec.js';
import { FtctlError } from '../errors/index.js';
import type { RoundPlan } from './trainer.js';

/** What a round's sum says of itself. */
export interface RoundFinding {
  /** Values of the sum that are NaN or infinite. */
  readonly numBad: number;
  /** The mean loss that follows from it. */
  readonly loss: number;
  readonly learningRate: number;
  /** The phase's. */
  readonly spec: Causes;
}

/** What of a phase makes a loss grow without bounds, or keeps it from that. */
type Causes = Pick<PhaseSpec, 'optimizer' | 'schedule' | 'clip'>;

/**
 * Refuses a sum that is not finite, before anything moves. Every worker holds the same sum, so every worker refuses it alike. Throws
 * FT_LOSS_NOT_FINITE.
 */
export function assertFinite(
  plan: Exclude<RoundPlan, { kind: 'phase' }>,
  { numBad, loss, learningRate, spec }: RoundFinding,
): void {
  if (numBad === 0 && Number.isFinite(loss)) return;
  const { round, phase, epoch } = plan;
  const bad = Number.isFinite(loss)
    ? `${numBad} values of the gradient are not finite`
    : `The loss is ${loss}`;
  throw new FtctlError('FT_LOSS_NOT_FINITE', {
    what: `${bad} in round ${round} (epoch ${epoch + 1}, ${placeIn(plan)}), at learning rate ${learningRate}.`,
    why: 'The parameters were left as they were before it.',
    remedy: remedyOf(phase, spec),
    details: { round, phase, epoch, learningRate, loss: String(loss) },
    phase: plan.kind === 'step' ? 'update' : 'evaluate',
  });
}

function placeIn(plan: Exclude<RoundPlan, { kind: 'phase' }>): string {
  return plan.kind === 'step' ? `step ${plan.step + 1}` : `evaluation on ${plan.split}`;
}

/** The likely causes in the phase: its learning rate, first of all, and what it has not set against a too large one. */
function remedyOf(phase: number, { optimizer, schedule, clip }: Causes): string {
  const set = (key: string, value: number): string => `--set phases.${phase}.${key}=${value}`;
  const highest = [optimizer, ...optimizer.groups].reduce(
    (max, { learningRate }) => Math.max(max, learningRate ?? 0),
    0,
  );
  const key = 'optimizer.learningRate';
  const { learningRate } = optimizer;
  const lower =
    highest > learningRate
      ? `lower learning rates (phase ${phase + 1} has up to ${highest}, in phases.${phase}.optimizer.groups)`
      : `a lower learning rate than ${learningRate} (${set(key, tenth(learningRate))})`;
  const warmup =
    schedule.warmup === null ? [`a warm-up (${set('schedule.warmup.epochs', 1)})`] : [];
  const clipped =
    clip.norm === null && clip.value === null
      ? [`a limit of the gradient (${set('clip.norm', 1)})`]
      : [];
  const gentler = [...warmup, ...clipped].join(' or ');
  return `Start again with ${lower}${gentler === '' ? '' : `; where that learns too slowly, with ${gentler}`}.`;
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
