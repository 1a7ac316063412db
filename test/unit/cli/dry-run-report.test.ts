import { describe, expect, it } from 'vitest';
import { dryRunLines } from '../../../src/cli/dry-run-report.js';
import type { DryRunReport, PhaseCost } from '../../../src/launch/dry-run.js';

const head: PhaseCost = {
  train: ['head'],
  epochs: 10,
  numTrained: 8208,
  gradientBytes: 32_832,
  numFeatures: 512,
  cache: { numRows: 672, bytes: 1_376_256, numThere: 640 },
  stepsPerEpoch: 20,
  times: {
    ...{ numRows: 16, featureSeconds: 0.0453, gradientSeconds: 0.00123, exchangeSeconds: 0.00004 },
    ...{ updateSeconds: 0.00987, evaluationSeconds: 0.001, checkpointSeconds: 0.01 },
    ...{ featureCpuSeconds: 0.09, batchCpuSeconds: 0.002 },
  },
  workerBytes: 300e6,
  epochSeconds: 1.23,
  cachedEpochSeconds: 0.08,
  seconds: 2,
};

const report: DryRunReport = {
  name: 'flowers',
  architecture: 'resnet18',
  imageSize: 64,
  classes: 16,
  samples: { train: 640, val: 32, test: 0 },
  ...{ batchSize: 32, shards: 8, workers: 2, cores: 2, numParameters: 8208 },
  workerBytes: 300e6,
  phases: [head],
  totalSeconds: 2,
};

describe('what a run would cost', () => {
  it('is told with small times in milliseconds', () => {
    expect(dryRunLines(report)).toMatchInlineSnapshot(`
      [
        "flowers: resnet18, 64 px, 16 classes",
        "  images    640 train, 32 val",
        "  batch     32 in 8 shards",
        "  workers   2 on 2 cores",
        "  memory    about 300.0 MB a worker",
        "",
        "Phase 1 of 1: train head, 10 epochs",
        "  trained   8,208 parameters, 32.8 kB of gradient a step",
        "  features  512 values a row, 1.4 MB cached (640 of 672 rows are there)",
        "  a batch   16 rows a worker: features 45 ms, gradients 1.2 ms",
        "  a step    exchange 0.04 ms, update 9.9 ms",
        "  an epoch  20 steps, about 1.2 s with features to make, 80 ms once cached",
        "",
        "All epochs: about 2.0 s, estimated from a few steps with as many processes as",
        "the run has workers; the start of the run comes on top.",
      ]
    `);
  });

  it('fits into 80 columns, whatever the names', () => {
    const train = Array.from({ length: 12 }, (_, i) => `features.denseblock4.denselayer${i}.*`);
    const whole: PhaseCost = {
      ...{ ...head, train, epochs: 1, numTrained: 25_557_032, gradientBytes: 102_228_128 },
      ...{ cache: null, cachedEpochSeconds: null, epochSeconds: 34_567 },
    };
    const name = 'a'.repeat(60);
    const lines = dryRunLines({ ...report, name, phases: [head, whole] });
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines.join('\n')).toContain('features  512 values a row, not cached');
  });
});
