import { expect, it } from 'vitest';
import { timeBuckets } from '../../../src/metrics/timeline.js';
import type { BucketSeconds } from '../../../src/metrics/bucket-clock.js';
import type { RoundPlan } from '../../../src/train/trainer.js';
import { RoundCosts } from '../../../src/worker/round-costs.js';

function buckets(some: Partial<BucketSeconds>): BucketSeconds {
  const none = Object.fromEntries(timeBuckets.map((name) => [name, 0])) as BucketSeconds;
  return { ...none, ...some };
}

const step = (epoch: number): RoundPlan => ({
  ...{ kind: 'step', round: 1, phase: 0, epoch, step: 0, vectorLength: 4 },
});
const evaluation = (split: 'val' | 'test'): RoundPlan => ({
  ...{ kind: 'evaluate', round: 1, phase: 0, epoch: 1, split, vectorLength: 4 },
});
const cost = { seconds: 0, cpuSeconds: 0.6 };

it('are told of the second epoch alone, by batch, update and evaluation', () => {
  const costs = new RoundCosts();
  costs.add(step(0), cost, buckets({ gradients: 100 }));
  // Two updates of two batches each, less one.
  for (const gradients of [2, 1]) {
    const of = { gradients, data: 0.5, communicate: 0.1, wait: 0.3, update: 0.2, idle: 0.1 };
    costs.add(step(1), cost, buckets(of));
  }
  costs.add(evaluation('val'), cost, buckets({ evaluate: 0.5, checkpoint: 3 }));
  costs.add(evaluation('test'), cost, buckets({ evaluate: 50 }));
  const means = costs.means({
    ...{ numTrainSteps: 4, numShards: 4, rowsPerShard: 8 },
    splitSize: () => 16,
  });
  expect(means.batch.seconds).toBeCloseTo((3 + 2 * 0.5) / 4);
  expect(means.batch.cpuSeconds).toBeCloseTo((2 * 0.6) / 4);
  expect(means.exchangeSeconds).toBeCloseTo(0.4);
  expect(means.updateSeconds).toBeCloseTo(0.3);
  // 16 samples are half a batch.
  expect(means.evaluationSeconds).toBeCloseTo(1);
  expect(means.checkpointSeconds).toBe(3);
});
