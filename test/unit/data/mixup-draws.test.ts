import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { drawMixup, symmetricBeta } from '../../../src/data/mixup-draws.js';
import { CounterRng } from '../../../src/data/rng.js';

const key = { seed: 5, step: 9, alpha: 0.4 };

/** Shards of rows whose ids differ; '' where a shard has fewer. */
const batches = fc
  .record({
    rowsPerShard: fc.integer({ min: 1, max: 8 }),
    counts: fc.array(fc.nat(8), { minLength: 1, maxLength: 6 }),
    step: fc.nat(1e6),
  })
  .map(({ rowsPerShard, counts, step }) => ({
    rowsPerShard,
    step,
    samples: counts.flatMap((count, shard) =>
      Array.from({ length: rowsPerShard }, (_, row) => (row < count ? `${shard}/${row}.png` : '')),
    ),
  }));

describe('drawMixup', () => {
  it('has a permutation of the real rows of each shard, and leaves padding alone', () => {
    fc.assert(
      fc.property(batches, ({ rowsPerShard, samples, step }) => {
        const { partners_SB, lambdas_SB } = drawMixup(samples, rowsPerShard, { ...key, step });
        for (let first = 0; first < samples.length; first += rowsPerShard) {
          const partners = [...partners_SB.subarray(first, first + rowsPerShard)];
          expect([...partners].sort((a, b) => a - b)).toEqual(partners.map((_, row) => row));
          partners.forEach((partner, row) => {
            if (samples[first + row] === '') expect(partner).toBe(row);
            if (partner === row) expect(lambdas_SB[first + row]).toBe(1);
          });
        }
        expect(lambdas_SB.every((lambda) => lambda >= 0 && lambda <= 1)).toBe(true);
      }),
    );
  });

  it('draws for a shard alone what it draws for it among others', () => {
    fc.assert(
      fc.property(batches, ({ rowsPerShard, samples, step }) => {
        const all = drawMixup(samples, rowsPerShard, { ...key, step });
        const last = samples.length - rowsPerShard;
        const alone = drawMixup(samples.slice(last), rowsPerShard, { ...key, step });
        expect(alone.partners_SB).toEqual(all.partners_SB.slice(last));
        expect(alone.lambdas_SB).toEqual(all.lambdas_SB.slice(last));
      }),
    );
  });

  it('reaches each of the 24 permutations of 4 rows equally often', () => {
    const samples = ['a', 'b', 'c', 'd'];
    const counts = new Map<string, number>();
    for (let step = 0; step < 12_000; step += 1) {
      const partners = drawMixup(samples, 4, { ...key, step }).partners_SB.join('');
      counts.set(partners, (counts.get(partners) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - 500) ** 2 / 500, 0);
    expect(chiSquare).toBeLessThan(23 + 5 * Math.sqrt(46)); // 23 degrees of freedom
  });

  it('draws each row another lambda, by seed, step and sample', () => {
    const samples = Array.from({ length: 64 }, (_, i) => `${i}.png`);
    const draw = (overrides: Partial<typeof key>) => [
      ...drawMixup(samples, 64, { ...key, ...overrides }).lambdas_SB,
    ];
    const mixed = [draw({}), draw({ step: 10 }), draw({ seed: 6 })].map((all) =>
      all.filter((lambda) => lambda !== 1),
    );
    const distinct = new Set(mixed.flat()).size;
    // Some of Beta(0.4, 0.4) are so near to 0 or 1 that they are the same float32.
    expect(distinct).toBeGreaterThan(0.95 * mixed.flat().length);
    expect(mixed[0]!.length).toBeGreaterThan(50);
  });

  it('mixes a sample that stands twice in a microbatch like any two rows', () => {
    const { partners_SB } = drawMixup(['a', 'b', 'a', ''], 4, key);
    expect([...partners_SB].sort((a, b) => a - b)).toEqual([0, 1, 2, 3]);
    expect(partners_SB[3]).toBe(3);
  });

  it('draws each row of a sample its own lambda, and the permutations of them equally often', () => {
    const counts = new Map<string, number>();
    for (let step = 0; step < 6000; step += 1) {
      const { partners_SB, lambdas_SB } = drawMixup(['a', 'a', 'a'], 3, { ...key, step });
      const mixed = [...lambdas_SB].filter((lambda) => lambda > 0.01 && lambda < 0.99);
      expect(new Set(mixed).size).toBe(mixed.length);
      counts.set(partners_SB.join(''), (counts.get(partners_SB.join('')) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(5 + 5 * Math.sqrt(10)); // 5 degrees of freedom
  });
});

describe('symmetricBeta', () => {
  const numDraws = 40_000;
  const drawsOf = (alpha: number): number[] => {
    const rng = new CounterRng(1, 'beta', Math.round(alpha * 1000));
    return Array.from({ length: numDraws }, (_, i) =>
      symmetricBeta(alpha, rng.uniform(2 * i), rng.uniform(2 * i + 1)),
    );
  };

  it.each<[number, string, (x: number) => number]>([
    [0.5, 'the arcsine law', (x) => (2 / Math.PI) * Math.asin(Math.sqrt(x))],
    [1, 'uniform', (x) => x],
    [2, '3 x^2 - 2 x^3', (x) => 3 * x ** 2 - 2 * x ** 3],
    [3, '10 x^3 - 15 x^4 + 6 x^5', (x) => 10 * x ** 3 - 15 * x ** 4 + 6 * x ** 5],
  ])('has for alpha %d the distribution function: %s', (alpha, _, distribution) => {
    const draws = drawsOf(alpha).sort((a, b) => a - b);
    const distance = Math.max(
      ...draws.map((x, i) => Math.abs(distribution(x) - (i + 0.5) / numDraws)),
    );
    // Kolmogorov and Smirnov: 1.95 / sqrt(n) is exceeded once in 1000 times.
    expect(distance).toBeLessThan(1.95 / Math.sqrt(numDraws));
  });

  it.each([0.01, 0.1, 0.2, 0.4, 1, 8, 1000])('has for alpha %d the moments of Beta', (alpha) => {
    const draws = drawsOf(alpha);
    const moment = (power: number): number =>
      draws.reduce((sum, x) => sum + (x - 0.5) ** power, 0) / numDraws;
    const variance = 1 / (4 * (2 * alpha + 1));
    // Fourth central moment of Beta(a, a): 3 / (16 (2a + 1) (2a + 3))
    const fourth = 3 / (16 * (2 * alpha + 1) * (2 * alpha + 3));
    expect(Math.abs(moment(1))).toBeLessThan(4 * Math.sqrt(variance / numDraws));
    expect(Math.abs(moment(2) - variance)).toBeLessThan(
      4 * Math.sqrt((fourth - variance ** 2) / numDraws) + 1e-6,
    );
    expect(Math.abs(moment(4) / fourth - 1)).toBeLessThan(0.05);
    expect(draws.every((x) => x >= 0 && x <= 1)).toBe(true);
  });

  it('is a number for every pair of uniform ones', () => {
    const edges = [0, 2 ** -53, 0.25, 0.5, 0.75, 1 - 2 ** -53];
    for (const u of edges) {
      for (const v of edges) {
        for (const alpha of [1e-6, 0.5, 1000]) {
          const draw = symmetricBeta(alpha, u, v);
          expect(draw >= 0 && draw <= 1).toBe(true);
        }
      }
    }
  });
});
