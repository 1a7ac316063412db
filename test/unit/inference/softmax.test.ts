import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { argmax, crossEntropy, softmax } from '../../../src/inference/softmax.js';

describe('softmax', () => {
  it('is exp(x) / sum exp(x)', () => {
    // exp(0), exp(log 2), exp(log 5): 1, 2 and 5 of 8.
    const logits_K = Float32Array.of(0, Math.log(2), Math.log(5));
    softmax(logits_K).forEach((probability, k) => {
      expect(probability).toBeCloseTo([1 / 8, 2 / 8, 5 / 8][k]!, 6);
    });
    expect(crossEntropy(logits_K, 1)).toBeCloseTo(Math.log(4), 6);
  });

  it('sums to 1 and agrees with the cross-entropy for any logits, also huge ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -30000, max: 30000, noNaN: true }), {
          minLength: 1,
          maxLength: 20,
        }),
        (logits) => {
          const logits_K = Float32Array.from(logits);
          const probabilities = softmax(logits_K);
          expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 9);
          logits_K.forEach((_, label) => {
            const loss = crossEntropy(logits_K, label);
            expect(loss).toBeGreaterThanOrEqual(0);
            expect(Math.exp(-loss)).toBeCloseTo(probabilities[label]!, 9);
          });
        },
      ),
    );
  });
});

describe('argmax', () => {
  it('takes the first one among equals', () => {
    expect(argmax(Float32Array.of(1, 3, 3, 2))).toBe(1);
    expect(argmax(Float32Array.of(-1))).toBe(0);
  });
});
