import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { classWeightsOf } from '../../../src/train/class-weights.js';
import { testManifest } from '../data/make-test-manifest.js';

describe('classWeightsOf', () => {
  it('is null where all classes weigh the same', () => {
    expect(classWeightsOf('none', testManifest({ train: [1, 2] }))).toBe(null);
  });

  it('balances by the samples that are trained on: n / (K * n_c)', () => {
    // 12 training samples of 3 classes: 12 / (3 * 2), 12 / (3 * 4), 12 / (3 * 6)
    const manifest = testManifest({ train: [2, 4, 6], val: [50, 1, 1], test: [1, 1, 9] });
    expect(classWeightsOf('balanced', manifest)).toEqual(Float32Array.of(2, 1, 2 / 3));
  });

  it('gives each class the same weight in all, and the samples 1 on average', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(sizes, (train) => {
        const weights = classWeightsOf('balanced', testManifest({ train }))!;
        const numSamples = train.reduce((sum, count) => sum + count, 0);
        train.forEach((count, label) => {
          expect(weights[label]! * count).toBeCloseTo(numSamples / train.length, 3);
        });
      }),
    );
  });

  it('takes weights by the names of classes, others having 1', () => {
    const manifest = testManifest({ train: [1, 1, 1] });
    const weights = classWeightsOf({ 'class-2': 4, 'class-0': 0.5 }, manifest);
    expect(weights).toEqual(Float32Array.of(0.5, 1, 4));
  });

  it('takes a class for its name alone, even one that objects have a property of', () => {
    const manifest = { ...testManifest({ train: [1, 1] }), classNames: ['toString', 'rose'] };
    expect(classWeightsOf({ rose: 2 }, manifest)).toEqual(Float32Array.of(1, 2));
  });

  it('refuses to balance a class that has no training samples', () => {
    expect(() => classWeightsOf('balanced', testManifest({ train: [3, 0] }))).toThrow(
      new RangeError('Class class-1 has no training samples.'),
    );
  });
});
