import type { Plan } from '../data/plan.js';
import type { BucketSeconds } from '../metrics/bucket-clock.js';
import type { RoundPlan } from '../train/trainer.js';
import type { Cost, ProbeMeasures } from './probe-messages.js';

interface Round {
  readonly kind: 'step' | 'evaluate';
  readonly cpuSeconds: number;
  readonly buckets: BucketSeconds;
}

type Means = Omit<ProbeMeasures, 'numRows' | 'features' | 'peakBytes'>;

/** What the rounds of a probe's second epoch have taken; in its first one everything is loaded and compiled. */
export class RoundCosts {
  readonly #rounds: Round[] = [];

  /** A round has been applied, and its states kept; times are since the round before it. */
  add(plan: RoundPlan, { cpuSeconds }: Cost, buckets: BucketSeconds): void {
    if (plan.epoch === 0 || plan.kind === 'phase') return;
    // One on test is of the run's end.
    if (plan.kind === 'evaluate' && plan.split === 'test') return;
    this.#rounds.push({ kind: plan.kind, cpuSeconds, buckets });
  }

  means({
    numTrainSteps,
    numShards,
    rowsPerShard,
    splitSize,
  }: Pick<Plan, 'numTrainSteps' | 'numShards' | 'rowsPerShard' | 'splitSize'>): Means {
    const steps = this.#rounds.filter(({ kind }) => kind === 'step');
    const evaluations = this.#rounds.filter(({ kind }) => kind === 'evaluate');
    const computing = sumOf(steps, ({ buckets: b }) => b.data + b.features + b.gradients);
    const exchange = sumOf(steps, ({ buckets: b }) => b.communicate + b.wait);
    const update = sumOf(steps, ({ buckets: b }) => b.update + b.checkpoint + b.idle);
    const evaluation = sumOf(
      evaluations,
      ({ buckets: b }) => b.data + b.features + b.evaluate + b.communicate + b.wait,
    );
    return {
      batch: {
        seconds: computing / numTrainSteps,
        cpuSeconds: sumOf(steps, ({ cpuSeconds }) => cpuSeconds) / numTrainSteps,
      },
      exchangeSeconds: exchange / steps.length,
      updateSeconds: update / steps.length,
      evaluationSeconds: (evaluation * numShards * rowsPerShard) / splitSize('val'),
      checkpointSeconds: sumOf(evaluations, ({ buckets }) => buckets.checkpoint),
    };
  }
}

function sumOf(rounds: readonly Round[], secondsOf: (round: Round) => number): number {
  return rounds.reduce((sum, round) => sum + secondsOf(round), 0);
}
