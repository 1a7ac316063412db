import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assignShards } from '../../../src/coordinator/assignment.js';

describe('assignShards', () => {
  it('gives the first members one shard more where they do not divide evenly', () => {
    expect(assignShards(8, 3)).toEqual([
      { firstShard: 0, numShards: 3 },
      { firstShard: 3, numShards: 3 },
      { firstShard: 6, numShards: 2 },
    ]);
  });

  it('gives members beyond the number of shards none', () => {
    expect(assignShards(2, 4).map(({ numShards }) => numShards)).toEqual([1, 1, 0, 0]);
  });

  it('covers every shard once, in order, with sizes that differ by at most one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 70 }), (s, m) => {
        const ranges = assignShards(s, m);
        let next = 0;
        for (const { firstShard, numShards } of ranges) {
          expect(firstShard).toBe(next);
          next += numShards;
        }
        expect(next).toBe(s);
        const sizes = ranges.map(({ numShards }) => numShards);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        expect(ranges).toHaveLength(m);
      }),
    );
  });
});
