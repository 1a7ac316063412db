import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillDropoutMask, type DropoutKey } from '../../../src/data/dropout-mask.js';

const key: DropoutKey = {
  ...{ seed: 3, step: 11, sample: 'roses/0001.png', repeat: 0, layer: 'classifier.1' },
};

function maskOf(length: number, probability: number, overrides: Partial<DropoutKey> = {}) {
  const mask = new Float32Array(length).fill(NaN);
  fillDropoutMask(mask, probability, { ...key, ...overrides });
  return mask;
}

/** 1 for a value that is kept. */
const bits = (mask: Float32Array): number[] => [...mask].map((value) => (value === 0 ? 0 : 1));

/** Of two lists of 0 and 1, in standard deviations from what independence gives. */
function correlation(a: readonly number[], b: readonly number[], keep: number): number {
  const length = Math.min(a.length, b.length);
  let sum = 0;
  for (let i = 0; i < length; i += 1) sum += (a[i]! - keep) * (b[i]! - keep);
  return sum / (keep * (1 - keep)) / Math.sqrt(length);
}

describe('fillDropoutMask', () => {
  it('never changes: the bits of stored runs depend on it', () => {
    expect(bits(maskOf(32, 0.5)).join('')).toMatchInlineSnapshot(
      `"01011001001000011000100010101110"`,
    );
  });

  it('holds 0 and 1 / (1 - p) alone, also of an odd length and in the middle of an array', () => {
    fc.assert(
      fc.property(
        fc.nat(70),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.nat(),
        (length, p, step) => {
          const all = new Float32Array(length + 2).fill(7);
          fillDropoutMask(all.subarray(1, length + 1), p, { ...key, step });
          const kept = Math.fround(1 / (1 - p));
          expect([...all.subarray(1, length + 1)].every((v) => v === 0 || v === kept)).toBe(true);
          expect([all[0], all[length + 1]]).toEqual([7, 7]);
          expect(all.subarray(1, length + 1)).toEqual(maskOf(length, p, { step }));
        },
      ),
    );
  });

  it('drops nothing with probability 0', () => {
    expect(maskOf(100, 0)).toEqual(new Float32Array(100).fill(1));
  });

  it.each([0.1, 0.2, 0.5, 0.75])('drops a fraction of %d, in every place alike', (p) => {
    const [numRows, length] = [400, 1000];
    const dropped = new Int32Array(length);
    for (let row = 0; row < numRows; row += 1) {
      bits(maskOf(length, p, { sample: `${row}.png` })).forEach((kept, i) => {
        dropped[i]! += 1 - kept;
      });
    }
    const total = dropped.reduce((sum, count) => sum + count, 0);
    const deviation = Math.sqrt(numRows * length * p * (1 - p));
    expect(Math.abs(total - numRows * length * p)).toBeLessThan(4 * deviation);
    const variance = numRows * p * (1 - p);
    const chiSquare = dropped.reduce((sum, n) => sum + (n - numRows * p) ** 2 / variance, 0);
    // 1000 degrees of freedom: deviation sqrt(2000) = 44.7; within 4 deviations.
    expect(Math.abs(chiSquare - length)).toBeLessThan(4 * 44.7);
  });

  it('has runs of kept values as independent draws have: half of what is left ends at each length', () => {
    const values = bits(maskOf(200_000, 0.5));
    const counts = new Map<number, number>();
    let run = 0;
    for (const kept of values) {
      if (kept === 1) {
        run += 1;
        continue;
      }
      counts.set(run, (counts.get(run) ?? 0) + 1);
      run = 0;
    }
    const numRuns = [...counts.values()].reduce((sum, count) => sum + count, 0);
    let chiSquare = 0;
    for (let length = 0; length < 10; length += 1) {
      const expected = numRuns / 2 ** (length + 1);
      chiSquare += ((counts.get(length) ?? 0) - expected) ** 2 / expected;
    }
    // 10 degrees of freedom, about: deviation sqrt(20) = 4.5
    expect(chiSquare).toBeLessThan(10 + 5 * 4.5);
  });

  it.each([1, 2, 3, 7, 8, 16, 64, 512])('is uncorrelated with itself %i places on', (lag) => {
    const values = bits(maskOf(200_000, 0.3));
    expect(Math.abs(correlation(values, values.slice(lag), 0.7))).toBeLessThan(4);
  });

  it.each<[string, Partial<DropoutKey>]>([
    ['seed', { seed: 4 }],
    ['step', { step: 12 }],
    ['sample', { sample: 'roses/0002.png' }],
    ['layer', { layer: 'classifier.4' }],
    ['row of the same sample', { repeat: 1 }],
  ])('is uncorrelated with the mask of another %s, at any distance', (_, other) => {
    const own = bits(maskOf(100_000, 0.5));
    const others = bits(maskOf(100_000, 0.5, other));
    for (const lag of [0, 1, 2, 4, 256]) {
      expect(Math.abs(correlation(own, others.slice(lag), 0.5))).toBeLessThan(4);
      expect(Math.abs(correlation(own.slice(lag), others, 0.5))).toBeLessThan(4);
    }
  });
});
