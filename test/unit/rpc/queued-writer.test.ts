import { describe, expect, it } from 'vitest';
import { QueuedWriter } from '../../../src/rpc/queued-writer.js';

/** A stream that takes `room` messages before it blocks. */
class Sink {
  readonly taken: number[] = [];
  isEnded = false;
  room = 2;
  drain: () => void = () => undefined;

  write(message: number): boolean {
    this.taken.push(message);
    this.room--;
    return this.room > 0;
  }

  end(): void {
    this.isEnded = true;
  }

  on(_event: 'drain', listener: () => void): void {
    this.drain = listener;
  }
}

function make(maxQueued = 100) {
  const sink = new Sink();
  let overflows = 0;
  const writer = new QueuedWriter<number>(sink, { maxQueued, onOverflow: () => overflows++ });
  return { sink, writer, overflows: () => overflows };
}

describe('a queued writer', () => {
  it('stops at a full stream and goes on when it drains, in order', () => {
    const { sink, writer } = make();
    for (const message of [1, 2, 3, 4, 5]) writer.write(message);
    expect(sink.taken).toEqual([1, 2]);
    expect(writer.numQueued).toBe(3);
    sink.room = 2;
    sink.drain();
    expect(sink.taken).toEqual([1, 2, 3, 4]);
    sink.room = 2;
    sink.drain();
    expect(sink.taken).toEqual([1, 2, 3, 4, 5]);
  });

  it('ends the stream after what was written, and takes nothing then', () => {
    const { sink, writer } = make();
    for (const message of [1, 2, 3]) writer.write(message);
    writer.end();
    writer.write(4);
    expect(sink.isEnded).toBe(false);
    sink.room = 2;
    sink.drain();
    expect(sink.taken).toEqual([1, 2, 3]);
    expect(sink.isEnded).toBe(true);
  });

  it('gives up at its bound, once', () => {
    const { sink, writer, overflows } = make(2);
    for (const message of [1, 2, 3, 4, 5, 6]) writer.write(message);
    expect(overflows()).toBe(1);
    expect(writer.numQueued).toBe(0);
    sink.drain();
    expect(sink.taken).toEqual([1, 2]);
  });
});
