import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstEpochOf, learningRateAt, scheduledRate } from '../../../src/train/schedule.js';
import { smallPhase } from '../../support/train/small-run.js';

describe('scheduledRate', () => {
  it('decays at multiples of the step size only', () => {
    const rates = Array.from({ length: 7 }, (_, epoch) =>
      scheduledRate(0.5, { type: 'step', stepSize: 3, gamma: 0.5, warmup: null }, epoch),
    );
    expect(rates).toEqual([0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
  });

  it('has the bits of one multiplication after the other, which a power has not', () => {
    // 0.01 * 0.1 * 0.1 * 0.1 in doubles, and 0.01 * 0.1 ** 3, differ in the last bit.
    const rate = scheduledRate(0.01, { type: 'step', stepSize: 10, gamma: 0.1, warmup: null }, 30);
    expect(rate).toBe(0.01 * 0.1 * 0.1 * 0.1);
    expect(rate).not.toBe(0.01 * 0.1 ** 3);
  });

  it('equals a chain of epoch-by-epoch updates', () => {
    const cases = fc.record({
      rate: fc.double({ min: 1e-6, max: 1, noNaN: true }),
      gamma: fc.double({ min: 0.01, max: 1, noNaN: true }),
      stepSize: fc.integer({ min: 1, max: 9 }),
      epoch: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(cases, ({ rate, gamma, stepSize, epoch }) => {
        let chained = rate;
        for (let e = 1; e <= epoch; e += 1) if (e % stepSize === 0) chained *= gamma;
        expect(scheduledRate(rate, { type: 'step', stepSize, gamma, warmup: null }, epoch)).toBe(
          chained,
        );
      }),
    );
  });

  it('keeps a constant rate', () => {
    expect(scheduledRate(0.3, { type: 'constant', warmup: null }, 99)).toBe(0.3);
  });
});

describe('learningRateAt', () => {
  it('counts a phase from its own first epoch and its own rate', () => {
    const phases = [
      smallPhase({ epochs: 3 }),
      smallPhase({
        epochs: 4,
        optimizer: { ...smallPhase().optimizer, learningRate: 0.5 },
        schedule: { type: 'step', stepSize: 2, gamma: 0.5, warmup: null },
      }),
    ];
    expect(firstEpochOf(phases, 1)).toBe(3);
    expect([3, 4, 5, 6].map((epoch) => learningRateAt(phases, 1, epoch))).toEqual([
      0.5, 0.5, 0.25, 0.25,
    ]);
  });
});
