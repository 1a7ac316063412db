import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  capacityOf,
  finishTree,
  maximalSubtrees,
  shardsBelow,
  sumOwned,
} from '../../../src/collective/tree.js';
import { anySplit, bits, vectorsOf } from './generations.js';

/** The definition, written without the tree's code: pad to a power of two with nothing, then add pairs. */
function bySpecification(vectors: readonly Float32Array[]): Float32Array {
  let level: (Float32Array | undefined)[] = [...vectors];
  while (level.length & (level.length - 1)) level.push(undefined);
  while (level.length > 1) {
    const above: (Float32Array | undefined)[] = [];
    for (let i = 0; i < level.length; i += 2) {
      const left = level[i];
      const right = level[i + 1];
      above.push(
        left === undefined || right === undefined
          ? left
          : left.map((x, k) => Math.fround(x + right[k]!)),
      );
    }
    level = above;
  }
  return level[0]!;
}

describe('the fixed tree', () => {
  it('numbers leaves from the smallest power of two that holds all shards', () => {
    expect([1, 2, 3, 4, 5, 8, 9].map(capacityOf)).toEqual([1, 2, 4, 4, 8, 8, 16]);
    expect(shardsBelow(1, 5)).toEqual({ first: 0, end: 5 });
    expect(shardsBelow(3, 5)).toEqual({ first: 4, end: 5 });
    expect(shardsBelow(12, 5)).toEqual({ first: 4, end: 5 });
    expect(() => capacityOf(0)).toThrow('numShards is 0; it must be an integer in [1, 2^20].');
  });

  it('gives one partial per maximal subtree', () => {
    expect(maximalSubtrees(0, 8, 8)).toEqual([1]);
    // Shards 1..6 of 8: leaf 9, nodes 5 and 6 (shards 2..3 and 4..5), leaf 14.
    expect(maximalSubtrees(1, 6, 8)).toEqual([9, 5, 6, 14]);
    // Shard 4 of 5 is alone below node 3, whose other leaves do not exist.
    expect(maximalSubtrees(4, 1, 5)).toEqual([3]);
    expect(maximalSubtrees(2, 0, 5)).toEqual([]);
    expect(() => maximalSubtrees(3, 3, 5)).toThrow('Shards [3, 6) are not within [0, 5).');
  });

  it('sends at most 2 log2(shards) partials, which cover the owned shards once', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), fc.nat(), (numShards, a, b) => {
        const first = a % numShards;
        const numOwned = 1 + (b % (numShards - first));
        const nodes = maximalSubtrees(first, numOwned, numShards);
        expect(nodes.length).toBeLessThanOrEqual(Math.max(1, 2 * Math.log2(capacityOf(numShards))));
        const covered = nodes.flatMap((node) => {
          const below = shardsBelow(node, numShards);
          return Array.from({ length: below.end - below.first }, (_, i) => below.first + i);
        });
        expect(covered).toEqual(Array.from({ length: numOwned }, (_, i) => first + i));
      }),
    );
  });

  it('adds left + right in float32, whoever owns the shards', () => {
    fc.assert(
      fc.property(anySplit, fc.integer({ min: 1, max: 9 }), fc.nat(), (split, length, seed) => {
        const numShards = split.reduce((a, b) => a + b, 0);
        const vectors = vectorsOf(numShards, length, seed);
        const partials = new Map<number, Float32Array>();
        let first = 0;
        for (const numOwned of split) {
          const owned = vectors.slice(first, first + numOwned);
          for (const { node, values } of sumOwned(first, owned, numShards)) {
            partials.set(node, values);
          }
          first += numOwned;
        }
        expect(bits(finishTree(numShards, partials))).toBe(bits(bySpecification(vectors)));
      }),
    );
  });

  it('keeps the bits of a left child without a right one: -0 stays -0', () => {
    const vectors = [1, 1, -0].map((x) => Float32Array.of(x));
    const [partial] = sumOwned(2, vectors.slice(2), 3);
    expect(partial!.node).toBe(3);
    expect(Object.is(partial!.values[0], -0)).toBe(true);
    // 2 shards of -0, the third absent: -0 + -0 = -0 at the root.
    const zeros = sumOwned(0, [Float32Array.of(-0), Float32Array.of(-0)], 2);
    expect(Object.is(zeros[0]!.values[0], -0)).toBe(true);
  });

  it('changes no vector and returns none of them, so that callers may use them again', () => {
    const vectors = vectorsOf(5, 3, 7);
    const before = vectors.map((vector) => vector.slice());
    const partials = [0, 1, 2, 3, 4].flatMap((shard) => sumOwned(shard, [vectors[shard]!], 5));
    for (const { values } of partials) expect(vectors).not.toContain(values);
    const byNode = new Map(partials.map(({ node, values }) => [node, values]));
    const kept = partials.map(({ values }) => bits(values));
    const sum = finishTree(5, byNode);
    sum.fill(9);
    expect(partials.map(({ values }) => bits(values))).toEqual(kept);
    expect(vectors.map(bits)).toEqual(before.map(bits));
    const root = finishTree(1, new Map([[1, vectors[0]!]]));
    expect(root).not.toBe(vectors[0]);
  });

  it('names the shard that no partial covers, and the node where lengths differ', () => {
    const one = Float32Array.of(1);
    expect(() => finishTree(3, new Map([[2, one]]))).toThrow('No partial covers shard 2.');
    const two = Float32Array.of(1, 2);
    expect(() =>
      finishTree(
        2,
        new Map([
          [2, one],
          [3, two],
        ]),
      ),
    ).toThrow('Partials of 1 and 2 elements meet at node 1.');
  });
});
