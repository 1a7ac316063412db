import fc from 'fast-check';
import { expect, test } from 'vitest';
import { sumOwned } from '../../../src/collective/tree.js';
import { sumShards } from '../../../src/engines/network/sum-shards.js';
import { bits, vectorsOf } from '../collective/generations.js';

test("the sum over 1, 2, 4 or 8 shards is the fixed tree's, bit for bit", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 2, 4, 8),
      fc.integer({ min: 0, max: 20 }),
      fc.nat(),
      (numShards, length, seed) => {
        const vectors = vectorsOf(numShards, length, seed);
        const together = new Float32Array(numShards * length);
        vectors.forEach((vector, shard) => {
          together.set(vector, shard * length);
        });
        const out = new Float32Array(length).fill(7);
        sumShards(together, numShards, out);
        expect(bits(out)).toBe(bits(sumOwned(0, vectors, numShards)[0]!.values));
      },
    ),
  );
});

test('other numbers of shards, and rows of other lengths, are refused', () => {
  expect(() => {
    sumShards(new Float32Array(6), 3, new Float32Array(2));
  }).toThrow('3 shards are not 1, 2, 4 or 8.');
  expect(() => {
    sumShards(new Float32Array(6), 4, new Float32Array(2));
  }).toThrow('6 values are not 4 rows of 2.');
});
