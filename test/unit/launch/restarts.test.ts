import { describe, expect, it } from 'vitest';
import type { RunEvent } from '../../../src/control/events.js';
import { Restarts } from '../../../src/launch/restarts.js';

const limits = { firstDelayMs: 500, longestDelayMs: 10_000, steadyMs: 5000, most: 5 };

function generation(...slots: readonly number[]): RunEvent {
  const members = slots.map((slot, rank) => ({ rank, slot, firstShard: 0, numShards: 1 }));
  return { at: 0, type: 'generation', generation: '1.1', members, round: 0, reason: 'r' };
}

const step = (round: number): RunEvent => ({
  ...{ at: 0, type: 'step', round, phase: 0, epoch: 0, epochs: 1, step: round, steps: 100 },
  ...{ loss: 1, accuracy: 0, learningRate: 1, imagesPerSecond: 1 },
});

describe('starting a worker again', () => {
  it('is at once, then after longer and longer waits, and five times without a new round', () => {
    const restarts = new Restarts(limits);
    restarts.onEvent(0, generation(0, 1));
    restarts.onEvent(10, step(1));
    const waits = Array.from({ length: 7 }, (_, i) => restarts.afterEnd(100 * (i + 1), 1));
    expect(waits).toEqual([0, 500, 1000, 2000, 4000, null, null]);
  });

  it('is no more of a matter for one slot than for another', () => {
    const restarts = new Restarts(limits);
    restarts.afterEnd(0, 0);
    expect(restarts.afterEnd(1, 0)).toBe(500);
    expect(restarts.afterEnd(2, 1)).toBe(0);
  });

  it('goes on, ever more slowly, while the others get on', () => {
    const restarts = new Restarts(limits);
    const waits = Array.from({ length: 9 }, (_, i) => {
      restarts.onEvent(1000 * i, step(i));
      return restarts.afterEnd(1000 * i + 1, 1);
    });
    expect(waits).toEqual([0, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
    // Then nobody does.
    const rest = Array.from({ length: 5 }, (_, i) => restarts.afterEnd(20_000 + i, 1));
    expect(rest).toEqual([10_000, 10_000, 10_000, 10_000, null]);
  });

  it('does not take rounds that are run again for getting on', () => {
    const restarts = new Restarts(limits);
    restarts.onEvent(0, step(7));
    const waits = Array.from({ length: 6 }, (_, i) => {
      restarts.onEvent(100 * i + 50, step(5 + (i % 3)));
      return restarts.afterEnd(100 * (i + 1), 0);
    });
    expect(waits.at(-1)).toBeNull();
  });

  it('counts anew once the worker was a member for a while and the run got on', () => {
    const restarts = new Restarts(limits);
    restarts.afterEnd(0, 1);
    restarts.afterEnd(100, 1);
    restarts.onEvent(1000, generation(0, 1));
    restarts.onEvent(2000, step(9));
    expect(restarts.afterEnd(6000, 1)).toBe(0);
    restarts.onEvent(6100, generation(0));
    restarts.onEvent(7000, generation(0, 1));
    restarts.onEvent(8000, step(10));
    expect(restarts.afterEnd(8100, 1)).toBe(500); // not for long enough
    restarts.onEvent(9000, generation(0, 1));
    expect(restarts.afterEnd(19_000, 1)).toBe(1000); // a member of a run that stood
  });
});
