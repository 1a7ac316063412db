import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryEventBus } from '../../../src/control/event-bus.js';
import type { RunEventBody } from '../../../src/control/events.js';

const warning = (message: string): RunEventBody => ({ type: 'warning', message });
const step = (round: number): RunEventBody => ({
  type: 'step',
  round,
  phase: 0,
  epoch: 0,
  epochs: 1,
  step: round,
  steps: 100,
  loss: 1,
  accuracy: 0,
  learningRate: 0.1,
  imagesPerSecond: 10,
});

function makeBus(capacity?: number, onHandlerError?: (error: unknown) => void) {
  let now = 1000;
  return new MemoryEventBus({
    now: () => (now += 1),
    ...(capacity === undefined ? {} : { capacity }),
    ...(onHandlerError === undefined ? {} : { onHandlerError }),
  });
}

describe('the event bus in memory', () => {
  it('stamps events with time and number and replays from a number on', () => {
    const bus = makeBus();
    expect(bus.publish(warning('a'))).toBe(0);
    expect(bus.publish(warning('b'))).toBe(1);
    const seen: unknown[] = [];
    bus.subscribe(1, (event, sequence) => seen.push([sequence, event]));
    bus.publish(warning('c'));
    expect(seen).toEqual([
      [1, { at: 1002, type: 'warning', message: 'b' }],
      [2, { at: 1003, type: 'warning', message: 'c' }],
    ]);
    expect(bus.nextSequence).toBe(3);
  });

  it('calls nobody after the end of a subscription, also from within', () => {
    const bus = makeBus();
    const seen: number[] = [];
    bus.publish(warning('a'));
    const end = bus.subscribe(0, (_, sequence) => {
      seen.push(sequence);
      if (sequence === 1) end();
    });
    bus.publish(warning('b'));
    bus.publish(warning('c'));
    expect(seen).toEqual([0, 1]);
  });

  it('keeps the order for everybody when a handler publishes', () => {
    const bus = makeBus();
    bus.publish(warning('a'));
    bus.publish(warning('b'));
    const first: number[] = [];
    const second: number[] = [];
    bus.subscribe(0, (_, sequence) => {
      first.push(sequence);
      if (sequence === 0) bus.publish(warning('from within'));
    });
    bus.subscribe(0, (_, sequence) => second.push(sequence));
    bus.publish(warning('d'));
    expect(first).toEqual([0, 1, 2, 3]);
    expect(second).toEqual([0, 1, 2, 3]);
  });

  it('drops a handler that throws, and tells', () => {
    const errors: unknown[] = [];
    const bus = makeBus(undefined, (error) => errors.push(error));
    const other: number[] = [];
    let calls = 0;
    bus.subscribe(0, () => {
      calls += 1;
      throw new Error('broken display');
    });
    bus.subscribe(0, (_, sequence) => other.push(sequence));
    bus.publish(warning('a'));
    bus.publish(warning('b'));
    expect(calls).toBe(1);
    expect(other).toEqual([0, 1]);
    expect(errors).toEqual([new Error('broken display')]);
  });

  it('lets old steps go first when it is full, so that history stays', () => {
    const bus = makeBus(10);
    bus.publish(warning('start'));
    for (let round = 1; round <= 100; round += 1) bus.publish(step(round));
    bus.publish(warning('end'));
    const seen: number[] = [];
    bus.subscribe(0, (_, sequence) => seen.push(sequence));
    expect(seen[0]).toBe(0);
    expect(seen.slice(-2)).toEqual([100, 101]);
    expect(seen.length).toBeLessThanOrEqual(10);
  });

  it('is bounded and in order for any events', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { maxLength: 200 }),
        fc.integer({ min: 2, max: 20 }),
        (isStep, capacity) => {
          const bus = makeBus(capacity);
          const live: number[] = [];
          bus.subscribe(0, (_, sequence) => live.push(sequence));
          isStep.forEach((s, index) => bus.publish(s ? step(index) : warning('w')));
          expect(live).toEqual(isStep.map((_, index) => index));
          const late: number[] = [];
          bus.subscribe(0, (_, sequence) => late.push(sequence));
          expect(late.length).toBeLessThanOrEqual(capacity);
          expect(late).toEqual([...late].sort((a, b) => a - b));
          if (isStep.length > 0) expect(late.at(-1)).toBe(isStep.length - 1);
        },
      ),
    );
  });
});
