import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { BlockMonitor } from '../../../src/metrics/block-monitor.js';

let monitor: BlockMonitor | undefined;
afterEach(() => {
  monitor?.stop();
});

/** Works for `ms` of this thread's own time, where the system tells it: on a busy machine wall time is not work. */
function block(ms: number): void {
  const end = workedMs() + ms;
  while (workedMs() < end);
}

function workedMs(): number {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'latin1').split(' ')[0]) / 1e6;
  } catch {
    return performance.now();
  }
}

describe('the event-loop block monitor', () => {
  it('catches a single block of 25 ms, wherever it falls between two ticks', async () => {
    monitor = new BlockMonitor({ limitMs: 20 });
    await sleep(50);
    for (let trial = 0; trial < 20; trial += 1) {
      await sleep(3 + (trial % 5) * 0.7);
      monitor.takeLongestMs();
      block(25);
      await sleep(5);
      // The scheduler accounts in ticks of up to 4 ms.
      expect(monitor.takeLongestMs()).toBeGreaterThan(20);
    }
    expect(monitor.longestStallMs).toBeGreaterThan(24);
    expect(monitor.numOverLimit).toBeGreaterThanOrEqual(20);
  });

  it('catches it in a callback of the poll phase too', async () => {
    monitor = new BlockMonitor();
    await sleep(20);
    monitor.takeLongestMs();
    const child = spawn(process.execPath, ['-e', 'console.log(1)']);
    child.stdout.on('data', () => {
      block(30);
    });
    await once(child, 'close');
    await sleep(5);
    expect(monitor.longestMs).toBeGreaterThan(25);
  });

  it('does not take many short pieces of work for one block', async () => {
    monitor = new BlockMonitor({ limitMs: 20 });
    await sleep(20);
    monitor.takeLongestMs();
    const end = performance.now() + 300;
    while (performance.now() < end) {
      block(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(monitor.takeLongestMs()).toBeLessThan(100); // of 300 ms
  });

  it('does not take an idle loop for a block', async () => {
    monitor = new BlockMonitor();
    await sleep(20);
    monitor.takeLongestMs();
    await sleep(200);
    expect(monitor.takeLongestMs()).toBeLessThan(100);
  });

  it('does not count the wait for a core, where the system tells', async () => {
    if (process.platform !== 'linux') return;
    const hogs = Array.from({ length: 6 }, () =>
      spawn(process.execPath, ['-e', 'const end = Date.now() + 4000; while (Date.now() < end);']),
    );
    try {
      monitor = new BlockMonitor();
      await sleep(300);
      monitor.takeLongestMs();
      const blocks: number[] = [];
      for (let n = 0; n < 100; n += 1) {
        block(5);
        await sleep(3);
        blocks.push(monitor.takeLongestMs());
      }
      // The host may take the core from the whole machine, or a page may have to be read: not seen by the scheduler.
      expect(blocks.filter((ms) => ms > 20).length).toBeLessThan(10);
      expect(monitor.longestStallMs).toBeGreaterThan(20); // so there were waits to take off
    } finally {
      for (const hog of hogs) hog.kill('SIGKILL');
    }
  });

  it('stays silent after its stop', async () => {
    monitor = new BlockMonitor();
    monitor.stop();
    block(30);
    await sleep(10);
    expect(monitor.longestStallMs).toBe(0);
  });
});
