import { describe, expect, it } from 'vitest';
import { Restarts } from '../../../src/launch/restarts.js';

describe('restarts of a worker', () => {
  it('come at once, then later and later, and then no more', () => {
    const restarts = new Restarts();
    const delays = Array.from({ length: Restarts.max + 2 }, () => restarts.next(0, 1));
    expect(delays).toEqual([0, 500, 1000, 2000, 4000, undefined, undefined]);
    expect(restarts.next(0, 2)).toBe(0);
  });

  it('begin anew after one that was a member for a while', () => {
    const restarts = new Restarts();
    restarts.joined(0, 1);
    restarts.joined(8000, 1); // Another generation: it is still the same worker.
    expect(restarts.next(9999, 1)).toBe(0);
    expect(restarts.next(10_500, 1)).toBe(500);
    restarts.joined(11_000, 1);
    expect(restarts.next(20_999, 1)).toBe(1000);
    restarts.joined(23_000, 1);
    expect(restarts.next(33_000, 1)).toBe(0);
  });
});
