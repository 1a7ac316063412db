import { EventEmitter } from 'node:events';
import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import { MemoryEventBus } from '../../../src/control/event-bus.js';
import type { RunEventBody } from '../../../src/control/events.js';
import { Watchers } from '../../../src/rpc/watch-server.js';

type WatchCall = Parameters<Watchers['accept']>[0];

const warning: RunEventBody = { type: 'warning', message: 'w' };
const preparing: RunEventBody = {
  type: 'preparing',
  what: 'data',
  message: 'fetching',
  done: 0,
  total: 0,
  unit: 'bytes',
};

/** The server's end of a Watch call, whose reader can stop reading. */
class FakeCall extends EventEmitter {
  readonly request: { readonly from: number };
  readonly sequences: number[] = [];
  isReading = true;
  isEnded = false;
  errorCode: number | undefined;

  constructor(from: number) {
    super();
    this.request = { from };
    this.on('error', ({ code }: { code: number }) => {
      this.errorCode = code;
    });
  }

  write({ sequence }: { sequence: number }): boolean {
    this.sequences.push(sequence);
    return this.isReading;
  }

  end(): void {
    this.isEnded = true;
  }

  readOn(): void {
    this.isReading = true;
    this.emit('drain');
  }
}

function watch(watchers: Watchers, from: number): FakeCall {
  const call = new FakeCall(from);
  watchers.accept(call as unknown as WatchCall);
  return call;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

describe('the watch service', () => {
  it("gives the bus's own numbers when the bus has dropped events", () => {
    const bus = new MemoryEventBus({ now: () => 0, capacity: 4 });
    bus.publish(warning); // 0
    for (let i = 0; i < 4; i++) bus.publish(preparing); // 1 to 4, of which the older two are dropped
    const call = watch(new Watchers(bus), 0);
    bus.publish(warning);
    expect(call.sequences).toEqual([0, 3, 4, 5]);
  });

  it('gives a slow watcher that asks again what it missed, and nothing twice', () => {
    const bus = new MemoryEventBus({ now: () => 0, capacity: 30_000 });
    const watchers = new Watchers(bus);
    const slow = watch(watchers, 0);
    slow.isReading = false;
    // The first is written at once; with 256 waiting, progress is spared and all else waits on.
    for (let i = 0; i < 257; i++) bus.publish(warning);
    for (let i = 0; i < 100; i++) bus.publish(preparing);
    for (let i = 0; i < 9_744; i++) bus.publish(warning); // 256 + 9,744 = 10,000 wait
    for (let i = 0; i < 50; i++) bus.publish(preparing);
    slow.readOn();
    expect(slow.errorCode).toBe(status.RESOURCE_EXHAUSTED);
    expect(slow.sequences).toEqual([...numbers(0, 257), ...numbers(357, 10_101)]);

    const again = watch(watchers, slow.sequences.at(-1)! + 1);
    expect(again.sequences).toEqual(numbers(10_101, 10_151));
    watchers.endAll();
    expect(again.isEnded).toBe(true);
  });
});
