import { describe, expect, it } from 'vitest';
import {
  epochSeconds,
  epochsOfMaking,
  timesOf,
  type PhaseTimes,
} from '../../../src/launch/phase-cost.js';
import type { ProbeMeasures } from '../../../src/worker/probe-messages.js';

const worker: ProbeMeasures = {
  numRows: 16,
  features: { seconds: 0.2, cpuSeconds: 0.1 },
  batch: { seconds: 0.3, cpuSeconds: 0.25 },
  updateSeconds: 0.05,
  exchangeSeconds: 0.15,
  evaluationSeconds: 0.1,
  checkpointSeconds: 0.4,
  peakBytes: 1e9,
};

const times: PhaseTimes = {
  numRows: 16,
  featureSeconds: 0.2,
  gradientSeconds: 0.3,
  exchangeSeconds: 0.06,
  updateSeconds: 0.04,
  evaluationSeconds: 0.1,
  checkpointSeconds: 0.5,
  featureCpuSeconds: 0.2,
  batchCpuSeconds: 0.6,
};

const size = { numBatches: 10, numUpdates: 10, numEvaluationBatches: 2, cores: 16 };

describe('the times of a phase', () => {
  it('are those of the slowest worker, whose wait is the exchange alone, and the CPU time of all', () => {
    const slow = { seconds: 0.4, cpuSeconds: 0.35 };
    expect(timesOf([worker, { ...worker, batch: slow, exchangeSeconds: 0.05 }])).toEqual({
      ...{ numRows: 16, featureSeconds: 0.2, gradientSeconds: 0.4, exchangeSeconds: 0.05 },
      ...{ updateSeconds: 0.05, evaluationSeconds: 0.1, checkpointSeconds: 0.4 },
      ...{ featureCpuSeconds: 0.2, batchCpuSeconds: 0.6 },
    });
  });
});

describe('an epoch', () => {
  it('takes gradients, exchange and update of each step, the evaluation and a copy of the state', () => {
    // 10 * (0.3 + 0.06 + 0.04) + 2 * 0.1 + 0.5
    expect(epochSeconds(times, size).cached).toBeCloseTo(4.7);
  });

  it('takes no longer where features are made meanwhile, but for the evaluation', () => {
    expect(epochSeconds(times, size).making).toBeCloseTo(4.7 + 2 * 0.2);
  });

  it('is as slow as its features where they take longer', () => {
    const slow = { ...times, featureSeconds: 1 };
    // 10 * 1 + 2 * (1 + 0.1) + 0.5
    expect(epochSeconds(slow, size).making).toBeCloseTo(12.7);
  });

  it('is as slow as the cores that do both', () => {
    // 10 * (0.2 + 0.6) / 1 + 2 * (0.2 + 0.1) + 0.5
    expect(epochSeconds(times, { ...size, cores: 1 }).making).toBeCloseTo(9.1);
  });

  it('exchanges and updates once for the batches that are accumulated', () => {
    // 10 * 0.3 + 5 * (0.06 + 0.04) + 2 * 0.1 + 0.5
    expect(epochSeconds(times, { ...size, numUpdates: 5 }).cached).toBeCloseTo(4.2);
  });
});

describe('features are made', () => {
  const phase = { epochs: 3, backboneSha256: 'a', isCached: true };

  it('until every view was seen, by whichever phase on the same prefix', () => {
    expect(epochsOfMaking([phase, phase, phase], 4)).toEqual([3, 1, 0]);
    expect(epochsOfMaking([phase, { ...phase, backboneSha256: 'b' }], 2)).toEqual([2, 2]);
  });

  it('in each epoch where they are not cached, or its views are fresh', () => {
    expect(epochsOfMaking([{ ...phase, isCached: false }], 1)).toEqual([3]);
    expect(epochsOfMaking([phase], null)).toEqual([3]);
  });
});
