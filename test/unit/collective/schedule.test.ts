import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numHops, segmentOf } from '../../../src/collective/schedule.js';
import { generationOf } from './generations.js';

describe('segments', () => {
  it('cover the vector once, in order, aligned, and even to one unit of 16', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 0, max: 2000 }),
        (numMembers, length) => {
          const segments = Array.from({ length: numMembers }, (_, rank) =>
            segmentOf(rank, numMembers, length),
          );
          let next = 0;
          for (const segment of segments) {
            expect(segment.offset).toBe(next);
            expect(segment.length === 0 || segment.offset % 16 === 0).toBe(true);
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
    const segments = [0, 1, 2].map((rank) => segmentOf(rank, 3, 20));
    expect(segments).toEqual([
      { offset: 0, length: 16 },
      { offset: 16, length: 4 },
      { offset: 20, length: 0 },
    ]);
  });
});

describe('the number of hops', () => {
  it('is decided by the generation alone, two from its threshold on', () => {
    const generation = generationOf([1, 1], { twoHopFromElements: 100 });
    expect([1, 99, 100, 101].map((length) => numHops(generation, length))).toEqual([1, 1, 2, 2]);
  });
});
