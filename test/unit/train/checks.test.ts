import { describe, expect, it } from 'vitest';
import { assertFinite, countNotFinite } from '../../../src/train/checks.js';
import type { FtctlError } from '../../../src/errors/index.js';
import { smallPhase } from '../../support/train/small-run.js';

const spec = smallPhase();
const rates = { learningRate: 0.05 * 0.1, spec };
const step = { kind: 'step', round: 8, phase: 0, epoch: 2, step: 1, vectorLength: 3 } as const;
const evaluation = {
  kind: 'evaluate',
  round: 9,
  phase: 0,
  epoch: 2,
  split: 'val',
  vectorLength: 4,
} as const;

function failure(check: () => void): FtctlError {
  try {
    check();
  } catch (error) {
    return error as FtctlError;
  }
  throw new Error('Nothing was refused.');
}

describe('assertFinite', () => {
  it('lets finite sums pass', () => {
    expect(() => {
      assertFinite(step, { ...rates, numBad: 0, loss: 0.5 });
    }).not.toThrow();
  });

  it('names a loss that is not finite, where it was, the learning rate and the remedy', () => {
    const error = failure(() => {
      assertFinite(step, { ...rates, numBad: 1, loss: NaN });
    });
    expect(error.code).toBe('FT_LOSS_NOT_FINITE');
    expect(error.exitCode).toBe(4);
    expect(error.message).toBe(
      'The loss is NaN in round 8 (epoch 3, step 2), at learning rate 0.005000000000000001. The parameters were left as they were before it.',
    );
    expect(error.remedy).toBe(
      'Start again with a lower learning rate than 0.05 (--set phases.0.optimizer.learningRate=0.005); where that learns too slowly, with a warm-up (--set phases.0.schedule.warmup.epochs=1) or a limit of the gradient (--set phases.0.clip.norm=1).',
    );
    expect(error.phase).toBe('update');
  });

  it('advises what the phase does not have yet', () => {
    const warmed = { ...spec.schedule, warmup: { epochs: 1, factor: 0.1 } };
    const groups = [{ match: ['fc'], learningRate: 0.5, weightDecay: null }];
    const remedy = (change: Partial<typeof spec>): string =>
      failure(() => {
        const finding = { ...rates, spec: { ...spec, ...change }, numBad: 1, loss: NaN };
        assertFinite({ ...step, phase: 1 }, finding);
      }).remedy;
    expect(remedy({ schedule: warmed })).toBe(
      'Start again with a lower learning rate than 0.05 (--set phases.1.optimizer.learningRate=0.005); where that learns too slowly, with a limit of the gradient (--set phases.1.clip.norm=1).',
    );
    expect(remedy({ schedule: warmed, clip: { norm: null, value: 1 } })).toBe(
      'Start again with a lower learning rate than 0.05 (--set phases.1.optimizer.learningRate=0.005).',
    );
    const clip = { norm: 1, value: null };
    expect(remedy({ clip, schedule: warmed, optimizer: { ...spec.optimizer, groups } })).toBe(
      'Start again with lower learning rates (phase 2 has up to 0.5, in phases.1.optimizer.groups).',
    );
  });

  it('names a gradient that is not finite though the loss is', () => {
    const error = failure(() => {
      assertFinite(step, { ...rates, numBad: 2, loss: 1 });
    });
    expect(error.message).toMatch(/^2 values of the gradient are not finite in round 8 /);
  });

  it('names the split of an evaluation', () => {
    const error = failure(() => {
      assertFinite(evaluation, { ...rates, numBad: 1, loss: Infinity });
    });
    expect(error.message).toMatch(
      /^The loss is Infinity in round 9 \(epoch 3, evaluation on val\),/,
    );
    expect(error.phase).toBe('evaluate');
  });

  it('refuses a batch whose weights sum to zero, as its mean does not exist', () => {
    const error = failure(() => {
      assertFinite(step, { ...rates, numBad: 0, loss: 0 / 0 });
    });
    expect(error.code).toBe('FT_LOSS_NOT_FINITE');
  });
});

describe('countNotFinite', () => {
  it('counts NaN and both infinities', () => {
    expect(countNotFinite(Float32Array.of(1, -3e38, 0, -0, 1e-45))).toBe(0);
    expect(countNotFinite(Float32Array.of(Infinity, NaN, 1, -Infinity))).toBe(3);
  });
});
