import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CounterRng, hash32, permutation, threefry2x32 } from '../../../src/data/rng.js';

describe('threefry2x32', () => {
  // The three vectors for threefry2x32 with 20 rounds in Random123's tests (kat_vectors), the last from pi's digits.
  it.each([
    [
      [0, 0],
      [0, 0],
      [0x6b200159, 0x99ba4efe],
    ],
    [
      [0xffffffff, 0xffffffff],
      [0xffffffff, 0xffffffff],
      [0x1cb996fc, 0xbb002be7],
    ],
    [
      [0x13198a2e, 0x03707344],
      [0x243f6a88, 0x85a308d3],
      [0xc4923a9c, 0x483df7a0],
    ],
  ] as [[number, number], [number, number], [number, number]][])(
    'gives the published words for key %j and counter %j',
    (key, counter, words) => {
      expect(threefry2x32(key, counter)).toEqual(words);
    },
  );
});

describe('hash32', () => {
  it('never changes: cache keys and plans of stored runs depend on it', () => {
    expect(hash32(0)).toBe(hash32(0));
    expect([hash32(1, 'deal', 'a.png'), hash32(-1), hash32('')]).toMatchInlineSnapshot(`
      [
        2904648590,
        1047347006,
        1899537400,
      ]
    `);
  });

  it('tells apart lists of keys that spell the same text', () => {
    const lists = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['abc'],
      ['abc', ''],
      [1],
      ['1'],
      [1, 0],
      ['a\0'],
      ['a'],
    ];
    expect(new Set(lists.map((keys) => hash32(...keys))).size).toBe(lists.length);
  });

  it('tells apart numbers beyond 32 bits and negative ones', () => {
    const numbers = [0, -1, 2 ** 32, 2 ** 32 - 1, -(2 ** 32), 2 ** 52];
    expect(new Set(numbers.map((key) => hash32(key))).size).toBe(numbers.length);
  });

  it('refuses a number that is no integer', () => {
    expect(() => hash32(0.5)).toThrow(new RangeError('Stream key 0.5 is no safe integer.'));
  });
});

describe('CounterRng', () => {
  it('gives the n-th number of a stream whatever was drawn before', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.string(),
        fc.array(fc.nat(), { maxLength: 20 }),
        (seed, key, indexes) => {
          const rng = new CounterRng(seed, key);
          const drawn = indexes.map((index) => rng.uniform(index));
          expect(drawn).toEqual(indexes.map((index) => new CounterRng(seed, key).uniform(index)));
          expect(drawn.every((value) => value >= 0 && value < 1)).toBe(true);
        },
      ),
    );
  });

  it('is uniform: 64 cells of 640,000 draws fit by chi-square', () => {
    const rng = new CounterRng(7, 'uniformity');
    const cells = new Float64Array(64);
    for (let i = 0; i < 640_000; i += 1) cells[Math.floor(rng.uniform(i) * 64)]! += 1;
    const chiSquare = cells.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0);
    // 63 degrees of freedom: mean 63, deviation sqrt(126) = 11.2; within 5 deviations.
    expect(chiSquare).toBeGreaterThan(63 - 56);
    expect(chiSquare).toBeLessThan(63 + 56);
  });

  it('fills an array with the words of the block function, in both words of each block', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.nat(33), (seed, key, length) => {
        const words = new Int32Array(length);
        new CounterRng(seed, key).fillWords(words);
        const longer = new Int32Array(length + 5);
        new CounterRng(seed, key).fillWords(longer);
        expect(longer.subarray(0, length)).toEqual(words);
      }),
    );
    // A stream without keys has threefry's own: seed 0 folds to the words of its three blocks.
    let key: [number, number] = [0, 0];
    const fold = [
      [1, 0],
      [0, 1],
      [0, 2],
    ] as const;
    for (const counter of fold) key = threefry2x32(key, counter);
    const words = new Int32Array(8);
    new CounterRng(0).fillWords(words);
    expect([...words].map((word) => word >>> 0)).toEqual(
      [0, 1, 2, 3].flatMap((index) => threefry2x32(key, [index, 1])),
    );
  });

  it('gives other numbers for another seed or key', () => {
    const streams = [new CounterRng(1, 'a'), new CounterRng(2, 'a'), new CounterRng(1, 'b')];
    expect(new Set(streams.map((rng) => rng.uint32(0))).size).toBe(3);
  });
});

describe('permutation', () => {
  it('holds each of 0..n-1 once', () => {
    fc.assert(
      fc.property(fc.nat(300), fc.nat(), (n, seed) => {
        const items = permutation(n, seed, 'test');
        expect([...items].sort((a, b) => a - b)).toEqual(Array.from({ length: n }, (_, i) => i));
      }),
    );
  });

  it('reaches each of the 24 orders of 4 equally often', () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 24_000; seed += 1) {
      const order = permutation(4, seed, 'orders').join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    const chiSquare = [...counts.values()].reduce((sum, n) => sum + (n - 1000) ** 2 / 1000, 0);
    expect(chiSquare).toBeLessThan(23 + 5 * Math.sqrt(46)); // 23 degrees of freedom
  });
});
