import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TreeSum } from '../../../src/collective/tree-sum.js';
import { capacityOf, shardsBelow, subtreeRuns, sumOwned } from '../../../src/collective/tree.js';
import { bits, vectorsOf } from './generations.js';

/** A contiguous range of the shards of a run. */
const anyRange = fc
  .tuple(fc.integer({ min: 1, max: 70 }), fc.nat(), fc.nat())
  .map(([numShards, a, b]) => {
    const first = a % numShards;
    return { numShards, first, numOwned: b % (numShards - first + 1) };
  });

const maxShards = fc.constantFrom(1, 2, 4, 8, 16);

describe('sums of the fixed tree while vectors come', () => {
  it('are those of all vectors at once, however many shards come in one piece', () => {
    fc.assert(
      fc.property(anyRange, maxShards, fc.nat(), ({ numShards, first, numOwned }, max, seed) => {
        const vectors = vectorsOf(numOwned, 5, seed);
        const sum = new TreeSum(numShards);
        for (const run of subtreeRuns(first, numOwned, numShards, max)) {
          const from = run.first - first;
          // A run's own sum: that of a tree which has its shards alone.
          const own = sumOwned(0, vectors.slice(from, from + run.numShards), run.numShards);
          sum.add(run.node, own[0]!.values);
        }
        const named = (partials: readonly { node: number; values: Float32Array }[]): unknown =>
          partials.map(({ node, values }) => [node, bits(values)]);
        expect(named(sum.partials())).toEqual(named(sumOwned(first, vectors, numShards)));
      }),
    );
  });

  it('keep few vectors: what waits for its right neighbour, and the one that comes', () => {
    fc.assert(
      fc.property(anyRange, ({ numShards, first, numOwned }) => {
        const sum = new TreeSum(numShards);
        let numArrays = 0;
        for (const run of subtreeRuns(first, numOwned, numShards, 1)) {
          let values = sum.takeSpare();
          if (values === undefined) {
            values = new Float32Array(1);
            numArrays += 1;
          }
          sum.add(run.node, values);
        }
        // Subtrees that wait for a right neighbour, and the maximal ones left of them.
        expect(numArrays).toBeLessThanOrEqual(2 * Math.log2(capacityOf(numShards)) + 2);
      }),
    );
    const whole = new TreeSum(64);
    let numArrays = 0;
    for (const run of subtreeRuns(0, 64, 64, 1)) {
      const spare = whole.takeSpare();
      if (spare === undefined) numArrays += 1;
      whole.add(run.node, spare ?? new Float32Array(1));
    }
    expect(numArrays).toBeLessThanOrEqual(Math.log2(64) + 2);
  });

  it('refuse vectors of unequal lengths', () => {
    const sum = new TreeSum(2);
    sum.add(2, Float32Array.of(1));
    expect(() => {
      sum.add(3, Float32Array.of(1, 2));
    }).toThrow('Sums of 1 and 2 elements meet at node 1.');
  });
});

describe('the runs that owned shards are cut in', () => {
  it('are whole subtrees of 1, 2, 4 or 8 shards', () => {
    const sizes = (first: number, numOwned: number, numShards: number, max: number): number[] =>
      subtreeRuns(first, numOwned, numShards, max).map((run) => run.numShards);
    expect(sizes(0, 8, 8, 8)).toEqual([8]);
    expect(sizes(0, 8, 8, 4)).toEqual([4, 4]);
    expect(sizes(1, 6, 8, 8)).toEqual([1, 2, 2, 1]);
    // Shards 4 to 6 are the whole right half of 7; three are no power of two.
    expect(sizes(4, 3, 7, 8)).toEqual([2, 1]);
    expect(sizes(0, 6, 6, 8)).toEqual([4, 2]);
    expect(sizes(3, 0, 8, 8)).toEqual([]);
  });

  it('have the shards of their node, and cover the range once', () => {
    fc.assert(
      fc.property(anyRange, maxShards, ({ numShards, first, numOwned }, max) => {
        let next = first;
        for (const run of subtreeRuns(first, numOwned, numShards, max)) {
          const below = shardsBelow(run.node, numShards);
          expect(below).toEqual({ first: run.first, end: run.first + run.numShards });
          expect(run.first).toBe(next);
          expect([1, 2, 4, 8, 16]).toContain(run.numShards);
          expect(run.numShards).toBeLessThanOrEqual(max);
          next = below.end;
        }
        expect(next).toBe(first + numOwned);
      }),
    );
  });
});
