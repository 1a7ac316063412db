import { afterEach, describe, expect, it, vi } from 'vitest';
import { listenForInterrupts } from '../../../src/cli/interrupt.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('interrupts', () => {
  it('ask for a graceful stop, then for one now, then end the process', () => {
    const exit = vi.spyOn(process, 'exit').mockImplementation(() => undefined as never);
    const counts: number[] = [];
    const interrupts = listenForInterrupts((count) => counts.push(count));
    const signals = (): boolean[] => [interrupts.graceful.aborted, interrupts.now.aborted];
    try {
      expect(signals()).toEqual([false, false]);
      process.emit('SIGINT');
      expect(signals()).toEqual([true, false]);
      process.emit('SIGTERM');
      expect(signals()).toEqual([true, true]);
      expect(exit).not.toHaveBeenCalled();
      process.emit('SIGINT');
      expect(exit).toHaveBeenCalledWith(130);
      expect(counts).toEqual([1, 2, 3]);
    } finally {
      interrupts.dispose();
    }
  });

  it('are given back when the run is over', () => {
    const before = process.listenerCount('SIGINT');
    const interrupts = listenForInterrupts(() => undefined);
    expect(process.listenerCount('SIGINT')).toBe(before + 1);
    interrupts.dispose();
    expect(process.listenerCount('SIGINT')).toBe(before);
  });
});
