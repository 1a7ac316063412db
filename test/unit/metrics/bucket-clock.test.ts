import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BucketClock } from '../../../src/metrics/bucket-clock.js';
import { timeBuckets } from '../../../src/metrics/timeline.js';

function manualClock() {
  let nowMs = 12_345;
  return {
    clock: { nowMs: () => nowMs, setTimer: () => () => undefined },
    advance: (ms: number) => {
      nowMs += ms;
    },
  };
}

const sum = (seconds: Record<string, number>) => Object.values(seconds).reduce((a, b) => a + b, 0);

describe('time buckets', () => {
  it('get the time from their entry to the next one', () => {
    const { clock, advance } = manualClock();
    const buckets = new BucketClock(clock);
    advance(100);
    buckets.enter('features');
    advance(250);
    buckets.enter('wait');
    advance(50);
    expect(buckets.current).toBe('wait');
    expect(buckets.seconds()).toMatchObject({ idle: 0.1, features: 0.25, wait: 0.05, update: 0 });
    advance(50); // the open bucket goes on after it was read
    buckets.enter('features');
    advance(10);
    expect(buckets.seconds()).toMatchObject({ features: 0.26, wait: 0.1 });
  });

  it('can be taken piece by piece', () => {
    const { clock, advance } = manualClock();
    const buckets = new BucketClock(clock);
    buckets.enter('data');
    advance(1000);
    expect(buckets.takeSince()).toMatchObject({ data: 1 });
    advance(500);
    buckets.enter('update');
    advance(20);
    expect(buckets.takeSince()).toMatchObject({ data: 0.5, update: 0.02 });
    expect(sum(buckets.takeSince())).toBe(0);
  });

  it('sum to the wall clock whatever was entered and read when', () => {
    const change = fc.record({
      bucket: fc.constantFrom(...timeBuckets),
      ms: fc.double({ min: 0, max: 5000, noNaN: true }),
      isRead: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 100 }), (changes) => {
        const { clock, advance } = manualClock();
        const buckets = new BucketClock(clock);
        const start = clock.nowMs();
        let taken = 0;
        for (const { bucket, ms, isRead } of changes) {
          buckets.enter(bucket);
          advance(ms);
          if (isRead) taken += sum(buckets.takeSince());
        }
        const wall = (clock.nowMs() - start) / 1000;
        expect(sum(buckets.seconds())).toBeCloseTo(wall, 9);
        expect(buckets.wallSeconds()).toBeCloseTo(wall, 9);
        expect(taken + sum(buckets.takeSince())).toBeCloseTo(wall, 9);
      }),
    );
  });
});
