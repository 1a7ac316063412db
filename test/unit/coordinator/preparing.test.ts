import { describe, expect, it } from 'vitest';
import type { RunEventBody } from '../../../src/control/events.js';
import { PreparingEvents, type Progress } from '../../../src/coordinator/preparing.js';
import { ManualClock } from '../../support/launch/manual-clock.js';

function preparing() {
  const clock = new ManualClock();
  const told: RunEventBody[] = [];
  const events = new PreparingEvents((event) => told.push(event), clock);
  return { clock, told, events };
}

function progress(done: number, message = 'images'): Progress {
  return { what: 'data', message, done, total: 100, unit: 'files' };
}

describe('the events of preparing', () => {
  it('tell the beginning and the end of each piece, and what is between at most ten times a second', () => {
    const { clock, told, events } = preparing();
    for (let done = 0; done <= 100; done++) {
      events.report(progress(done));
      clock.advance(9);
    }
    events.report(progress(0, 'weights'));
    const times = told.map((event) => (event.type === 'preparing' ? event.done : -1));
    expect(times).toEqual([0, 12, 24, 36, 48, 60, 72, 84, 96, 100, 0]);
  });

  it('are repeated every 5 seconds while nothing new comes, and no longer than the work', () => {
    const { clock, told, events } = preparing();
    clock.advance(20_000);
    expect(told).toEqual([]);
    events.report(progress(1));
    clock.advance(16_000);
    expect(told).toHaveLength(4);
    expect(told.at(-1)).toEqual({ type: 'preparing', ...progress(1) });
    events.end();
    clock.advance(60_000);
    expect(told).toHaveLength(4);
    expect(clock.numTimers).toBe(0);
  });
});
