import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { EarlyStoppingSpec } from '../../../src/config/phase-spec.js';
import { isStopped } from '../../../src/train/early-stopping.js';

const spec: EarlyStoppingSpec = { metric: 'accuracy', patience: 2, minDelta: 0 };
const ofAccuracies = (...values: number[]) =>
  values.map((valAccuracy) => ({ valAccuracy, valLoss: 1 }));
const ofLosses = (...values: number[]) => values.map((valLoss) => ({ valLoss, valAccuracy: 0 }));

describe('isStopped', () => {
  it('ends after as many evaluations without an improvement as the patience says', () => {
    expect(isStopped(spec, ofAccuracies())).toBe(false);
    expect(isStopped(spec, ofAccuracies(0.5, 0.5))).toBe(false);
    expect(isStopped(spec, ofAccuracies(0.5, 0.5, 0.5))).toBe(true);
    expect(isStopped(spec, ofAccuracies(0.5, 0.4, 0.6, 0.5))).toBe(false);
    expect(isStopped(spec, ofAccuracies(0.5, 0.4, 0.6, 0.5, 0.55))).toBe(true);
  });

  it('takes a lower loss for an improvement', () => {
    const byLoss: EarlyStoppingSpec = { ...spec, metric: 'loss' };
    expect(isStopped(byLoss, ofLosses(3, 2, 1))).toBe(false);
    expect(isStopped(byLoss, ofLosses(1, 2, 3))).toBe(true);
  });

  it('takes what is not more than minDelta better for none, and measures from the last improvement', () => {
    const demanding = { ...spec, minDelta: 0.25 };
    expect(isStopped(demanding, ofAccuracies(0.25, 0.375, 0.5625))).toBe(false);
    expect(isStopped(demanding, ofAccuracies(0.25, 0.375, 0.5))).toBe(true);
  });

  it('stays stopped whatever comes after', () => {
    const values = fc.array(fc.constantFrom(0, 0.25, 0.5, 0.75), { maxLength: 20 });
    fc.assert(
      fc.property(values, fc.integer({ min: 1, max: 4 }), (accuracies, patience) => {
        const stops = accuracies.map((_, i) =>
          isStopped({ ...spec, patience }, ofAccuracies(...accuracies.slice(0, i + 1))),
        );
        expect(stops).toEqual([...stops].sort((a, b) => Number(a) - Number(b)));
      }),
    );
  });
});
