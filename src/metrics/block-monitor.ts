import { closeSync, openSync, readSync } from 'node:fs';
import { type EventLoopUtilization, performance } from 'node:perf_hooks';

/** How often the loop is looked at. A block is told too long by at most about this. */
const defaultIntervalMs = 2;

export interface BlockMonitorOptions {
  readonly intervalMs?: number;
  /** Blocks over this are counted. */
  readonly limitMs?: number;
}

/**
 * Longest time that this thread's event loop was kept from turning by one piece of our own work.
 *
 * A timer compares, at each tick, how long the loop was busy since the tick before (event-loop utilisation, which
 * leaves out the time in which the loop only waited). A block lies between two ticks as a whole, so it is never told
 * too short, as it is by the histogram of `monitorEventLoopDelay`, whose readings miss up to a resolution.
 *
 * On a machine with fewer cores than busy threads a runnable thread also waits for a core. Linux counts that wait and
 * the CPU time of each thread. The wait is taken off, since no code of ours could avoid it, and kept apart as a
 * stall; what stays is our computing and our blocking calls, and never less than the CPU time.
 */
export class BlockMonitor {
  readonly #limitMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #scheduler: SchedulerTimes;
  #utilization = performance.eventLoopUtilization();
  #last: ThreadTimes;
  #longestMs = 0;
  #takenMs = 0;
  #longestStallMs = 0;
  #numOverLimit = 0;

  constructor(options: BlockMonitorOptions = {}) {
    this.#limitMs = options.limitMs ?? 20;
    this.#scheduler = openSchedulerTimes();
    this.#last = this.#scheduler.read();
    this.#timer = setInterval(() => {
      this.#tick();
    }, options.intervalMs ?? defaultIntervalMs);
    this.#timer.unref();
  }

  /** Longest block since the start. */
  get longestMs(): number {
    return this.#longestMs;
  }

  /** Longest time since the start that the loop did not turn, waits for a core included. */
  get longestStallMs(): number {
    return this.#longestStallMs;
  }

  /** Blocks over the limit since the start. */
  get numOverLimit(): number {
    return this.#numOverLimit;
  }

  /** Longest block since the last call of this method (or the start). */
  takeLongestMs(): number {
    const longest = this.#takenMs;
    this.#takenMs = 0;
    return longest;
  }

  /** Forgets what was before: loading native libraries blocks, and is no part of a run. */
  restart(): void {
    this.#tick();
    this.#longestMs = 0;
    this.#takenMs = 0;
    this.#longestStallMs = 0;
    this.#numOverLimit = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#scheduler.close();
  }

  #tick(): void {
    const { utilization, times } = this.#read();
    const busyMs = utilization.active - this.#utilization.active;
    this.#utilization = utilization;
    // A thread also waits for a core as it wakes up from idling: then more than the busy time's waits is taken off.
    const cpuMs = Math.min(busyMs, times.cpuMs - this.#last.cpuMs);
    const blockMs = Math.max(cpuMs, busyMs - (times.waitedMs - this.#last.waitedMs));
    this.#last = times;
    this.#longestStallMs = Math.max(this.#longestStallMs, busyMs);
    this.#longestMs = Math.max(this.#longestMs, blockMs);
    this.#takenMs = Math.max(this.#takenMs, blockMs);
    if (blockMs > this.#limitMs) this.#numOverLimit += 1;
  }

  /** Busy time and waits up to one moment: a wait in between would be taken off from another block than the one that it is in. */
  #read(): { readonly utilization: EventLoopUtilization; readonly times: ThreadTimes } {
    let before = this.#scheduler.read();
    for (;;) {
      const utilization = performance.eventLoopUtilization();
      const times = this.#scheduler.read();
      if (times.waitedMs - before.waitedMs < noticedWaitMs) return { utilization, times };
      before = times;
    }
  }
}

/** A wait for a core between two readings, so that they are not of one moment. */
const noticedWaitMs = 0.5;

/** Totals of this thread. */
interface ThreadTimes {
  readonly cpuMs: number;
  /** Ready to run, without a core. */
  readonly waitedMs: number;
}

interface SchedulerTimes {
  read(): ThreadTimes;
  close(): void;
}

const untold: ThreadTimes = { cpuMs: 0, waitedMs: 0 };

/** The first two fields of /proc/thread-self/schedstat, in ns (a read takes 2 us); elsewhere always zero. */
function openSchedulerTimes(): SchedulerTimes {
  let fd: number;
  try {
    fd = openSync('/proc/thread-self/schedstat', 'r');
  } catch {
    return { read: () => untold, close: () => undefined };
  }
  const buffer = Buffer.alloc(96);
  let isOpen = true;
  return {
    read: () => {
      if (!isOpen) return untold;
      const length = readSync(fd, buffer, 0, buffer.length, 0);
      const [cpuNs, waitedNs] = buffer.toString('latin1', 0, length).split(' ');
      return { cpuMs: Number(cpuNs) / 1e6, waitedMs: Number(waitedNs) / 1e6 };
    },
    close: () => {
      if (isOpen) closeSync(fd);
      isOpen = false;
    },
  };
}
