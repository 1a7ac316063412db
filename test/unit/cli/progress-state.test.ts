import { describe, expect, it } from 'vitest';
import type { RunEventBody } from '../../../src/control/events.js';
import { progressAfter, timeLeftMs } from '../../../src/cli/progress/progress-state.js';
import {
  dataReady,
  epoch,
  events,
  generation,
  joined,
  preparing,
  result,
  started,
  state,
  stateAfter,
  step,
} from './support.js';

describe('the progress of a run', () => {
  it('knows each worker by its slot, whatever order they come in', () => {
    const { workers } = stateAfter(
      events(joined(2), joined(0), state(0, 'training'), state(5, 'preparing'), generation([2, 0])),
    );
    expect(workers).toEqual([
      { slot: 0, rank: 1, numShards: 2, stage: 'training' },
      { slot: 2, rank: 0, numShards: 2, stage: 'joining' },
      { slot: 5, rank: null, numShards: 0, stage: 'preparing' },
    ]);
  });

  it('shows a lost worker as lost until it joins again', () => {
    const lost = { type: 'worker-lost', slot: 1, cause: 'gone' } as const;
    const before = events(joined(0), joined(1), generation([0, 1]), lost);
    expect(stateAfter(before).workers[1]).toMatchObject({ rank: null, stage: 'lost' });
    expect(stateAfter([...before, ...events(joined(1))]).workers[1]).toMatchObject({
      stage: 'joining',
    });
  });

  it('keeps the best epoch, not the last', () => {
    const progress = stateAfter(events(epoch(0, true), epoch(1, true), epoch(2)));
    expect(progress.best?.epoch).toBe(1);
    expect(progress.epoch?.epoch).toBe(2);
  });

  it('ends preparing with the first generation', () => {
    expect(stateAfter(events(preparing('x', 1, 2))).preparing).not.toBeNull();
    expect(stateAfter(events(preparing('x', 1, 2), generation([0]))).preparing).toBeNull();
  });

  it('does not change what it was given', () => {
    const before = Object.freeze(stateAfter(events(started, dataReady, joined(0))));
    const copy = structuredClone(before);
    for (const event of events(joined(1), generation([0, 1]), step(0, 0), epoch(0, true), {
      type: 'run-finished',
      result,
    })) {
      progressAfter(before, event);
    }
    expect(before).toEqual(copy);
  });
});

describe('the time left', () => {
  it('is unknown before two steps', () => {
    expect(timeLeftMs(stateAfter(events(started)))).toBeNull();
    expect(timeLeftMs(stateAfter(events(step(0, 0))))).toBeNull();
  });

  it('is what is left at the pace of late', () => {
    // 25 epochs of 46 steps are 1150 steps; 10 steps in 1 s leave 1150 - 20 steps = 113 s.
    const progress = stateAfter(events(step(0, 9), step(0, 19)));
    expect(timeLeftMs(progress)).toBeCloseTo(113_000, 3);
  });

  it('follows a run that has become faster', () => {
    // A slow first epoch of 46 s, then, from the cache, an epoch a second: 24 - 21 = 3 epochs are left.
    const slow = Array.from({ length: 46 }, (_, index) => step(0, index));
    const fast = Array.from({ length: 21 }, (_, index) => epoch(index + 1));
    expect(timeLeftMs(stateAfter(events(...slow, epoch(0), ...fast)))).toBeCloseTo(3000, 3);
  });

  it('starts anew where a phase stops early, and an epoch becomes a larger part of the run', () => {
    const stopped: RunEventBody = {
      ...{ type: 'phase-stopped', phase: 0, phases: 2, epochs: 1, of: 21 },
      ...{ metric: 'loss', patience: 1 },
    };
    const due = { ...step(1, 0), epochs: 5 } as ReturnType<typeof step>;
    expect(timeLeftMs(stateAfter(events(step(0, 9), step(0, 45), stopped, due)))).toBeNull();
  });

  it('starts anew when the run goes back to a checkpoint', () => {
    expect(timeLeftMs(stateAfter(events(step(3, 9), step(3, 19), step(2, 0))))).toBeNull();
  });
});
