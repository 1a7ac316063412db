import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bucketAt, bucketsOf, numHops, segmentOf } from '../../../src/collective/schedule.js';
import { generationOf } from './generations.js';

describe('segments', () => {
  it('cover the vector once, in order, aligned, and even to one unit of 16', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 2000 }),
        (numMembers, length) => {
          const segments = Array.from({ length: numMembers }, (_, rank) =>
            segmentOf(rank, numMembers, { offset: 0, length }),
          );
          let next = 0;
          for (const segment of segments) {
            expect(segment.offset).toBe(segment.length === 0 ? 0 : next);
            expect(segment.offset % 16).toBe(0);
            next += segment.length;
          }
          expect(next).toBe(length);
          const lengths = segments.map((segment) => segment.length);
          expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(16 + 15);
        },
      ),
    );
  });

  it('leave the last members none where the vector is short', () => {
    // 20 elements are two units: 16 and 4.
    const segments = [0, 1, 2].map((rank) => segmentOf(rank, 3, { offset: 0, length: 20 }));
    expect(segments).toEqual([
      { offset: 0, length: 16 },
      { offset: 16, length: 4 },
      { offset: 0, length: 0 },
    ]);
  });
});

describe('buckets', () => {
  it('cover the vector once, in order, and follow from its length', () => {
    expect(bucketsOf(10, 4)).toEqual([
      { offset: 0, length: 4 },
      { offset: 4, length: 4 },
      { offset: 8, length: 2 },
    ]);
    expect(bucketsOf(8, 4).at(-1)).toEqual({ offset: 4, length: 4 });
    expect(bucketsOf(3, 4)).toEqual([{ offset: 0, length: 3 }]);
    expect(bucketAt(2, 10, 4)).toEqual({ offset: 8, length: 2 });
  });

  it('are cut into segments at their own place', () => {
    expect([0, 1].map((rank) => segmentOf(rank, 2, { offset: 100, length: 40 }))).toEqual([
      { offset: 100, length: 32 },
      { offset: 132, length: 8 },
    ]);
  });
});

describe('the number of hops', () => {
  it('is decided by the generation alone, two from its threshold on', () => {
    const generation = generationOf([1, 1], { twoHopFromElements: 100 });
    expect([1, 99, 100, 101].map((length) => numHops(generation, length))).toEqual([1, 1, 2, 2]);
  });
});
