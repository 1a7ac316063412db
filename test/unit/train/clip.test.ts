import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clipGradients,
  gradientNorm,
  normBlockLength,
  normOfBlocks,
  sumOfSquares,
} from '../../../src/train/clip.js';

function clipped(
  gradients: readonly number[],
  clip: { norm: number | null; value: number | null },
): number[] {
  const values = Float32Array.from(gradients);
  clipGradients(values, clip);
  return [...values];
}

const floats = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), {
  minLength: 1,
  maxLength: 50,
});

describe('clipping', () => {
  it('scales a gradient down to the norm, and keeps its direction', () => {
    // norm 5 to 1 + a rounding of 1e-6 / 5
    const [a, b] = clipped([3, -4], { norm: 1, value: null });
    expect(a).toBeCloseTo(0.6, 6);
    expect(b).toBeCloseTo(-0.8, 6);
  });

  it('leaves a gradient within the norm as it is', () => {
    fc.assert(
      fc.property(floats, (gradients) => {
        expect(clipped(gradients, { norm: 1e6, value: null })).toEqual(gradients);
      }),
    );
  });

  it('limits each value after the norm', () => {
    // 3, -4 scaled to 0.6 and -0.8, of which 0.7 cuts only the second
    const [a, b] = clipped([3, -4], { norm: 1, value: 0.7 });
    expect(a).toBeCloseTo(0.6, 6);
    expect(b).toBe(-Math.fround(0.7));
  });

  it('never exceeds either limit', () => {
    const limits = fc.float({ min: Math.fround(0.01), max: 50, noNaN: true });
    fc.assert(
      fc.property(floats, limits, limits, (gradients, norm, value) => {
        const after = Float32Array.from(clipped(gradients, { norm, value }));
        expect(gradientNorm(after)).toBeLessThanOrEqual(norm * (1 + 1e-6));
        expect(Math.max(...after.map(Math.abs))).toBeLessThanOrEqual(value);
      }),
    );
  });

  it('keeps zeros, also where all of the gradient is zero', () => {
    expect(clipped([0, 0], { norm: 1, value: 1 })).toEqual([0, 0]);
  });
});

describe('gradientNorm', () => {
  it('is the sum of its blocks, which anybody may sum up', () => {
    const length = 2 * normBlockLength + 1001;
    const gradients = Float32Array.from({ length }, (_, i) => Math.sin(i) * 3);
    const starts = [0, normBlockLength, 2 * normBlockLength];
    const blocks = starts.map((from) =>
      // each block in an array of its own, as another thread has it
      sumOfSquares(
        gradients.slice(from, from + normBlockLength),
        0,
        Math.min(normBlockLength, length - from),
      ),
    );
    expect(normOfBlocks(blocks)).toBe(gradientNorm(gradients));
    const exact = gradients.reduce((sum, value) => sum + value * value, 0);
    expect(gradientNorm(gradients)).toBeCloseTo(Math.sqrt(exact), 9);
  });

  it('adds in the order that two lanes of doubles have', () => {
    const g = [1, 2 ** -26, 2 ** -27, 1 + 2 ** -23, 3, 2 ** -25, 5, 7, 2 ** -20].map(Math.fround);
    const s = g.map((value) => value * value);
    const expected = s[0]! + s[4]! + s[8]! + (s[1]! + s[5]!) + (s[2]! + s[6]! + (s[3]! + s[7]!));
    expect(sumOfSquares(Float32Array.from(g), 0, g.length)).toBe(expected);
  });

  it('does not overflow where float32 squares would', () => {
    expect(gradientNorm(Float32Array.of(3e30, 4e30))).toBeCloseTo(5e30, -24);
  });
});
