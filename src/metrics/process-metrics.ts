import type { MetricDefinition } from './registry.js';

/** What the operating system and V8 say of this process, and how well its event loop turns. */
export interface ProcessReadings {
  readonly cpuUserSeconds: number;
  readonly cpuSystemSeconds: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
  /** Unix time. */
  readonly startTimeSeconds: number;
  readonly longestBlockSeconds: number;
  readonly longestStallSeconds: number;
  readonly blocksOverLimit: number;
}

/** The part of {@link BlockMonitor} that is shown. */
interface Blocks {
  readonly longestMs: number;
  readonly longestStallMs: number;
  readonly numOverLimit: number;
}

/** Reads this process. `startTimeSeconds` is the Unix time of its start. */
export function readProcess(blocks: Blocks, startTimeSeconds: number): ProcessReadings {
  const cpu = process.cpuUsage();
  const memory = process.memoryUsage();
  return {
    cpuUserSeconds: cpu.user / 1e6,
    cpuSystemSeconds: cpu.system / 1e6,
    residentBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    externalBytes: memory.external,
    startTimeSeconds,
    longestBlockSeconds: blocks.longestMs / 1000,
    longestStallSeconds: blocks.longestStallMs / 1000,
    blocksOverLimit: blocks.numOverLimit,
  };
}

/**
 * Shown by coordinator and workers alike. Not prom-client's default metrics: those differ between systems and Node
 * versions, and some break the naming rules that ours keep.
 */
export const processMetrics: readonly MetricDefinition<{ readonly process: ProcessReadings }>[] = [
  {
    name: 'ftctl_process_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time that the process used, all threads together.',
    labels: ['mode'],
    read: ({ process: p }) => [
      { labels: { mode: 'user' }, value: p.cpuUserSeconds },
      { labels: { mode: 'system' }, value: p.cpuSystemSeconds },
    ],
  },
  {
    name: 'ftctl_process_resident_memory_bytes',
    type: 'gauge',
    help: 'Memory of the process that is in RAM.',
    read: ({ process: p }) => p.residentBytes,
  },
  {
    name: 'ftctl_process_heap_used_bytes',
    type: 'gauge',
    help: "Used part of the control thread's JavaScript heap.",
    read: ({ process: p }) => p.heapUsedBytes,
  },
  {
    name: 'ftctl_process_external_memory_bytes',
    type: 'gauge',
    help: 'Memory outside of the JavaScript heap that JavaScript objects hold.',
    read: ({ process: p }) => p.externalBytes,
  },
  {
    name: 'ftctl_process_start_time_seconds',
    type: 'gauge',
    help: 'Unix time at which the process started.',
    read: ({ process: p }) => p.startTimeSeconds,
  },
  {
    name: 'ftctl_event_loop_longest_block_seconds',
    type: 'gauge',
    help: 'Longest time since the start that one piece of work kept the control thread from turning, waits for a core taken off.',
    read: ({ process: p }) => p.longestBlockSeconds,
  },
  {
    name: 'ftctl_event_loop_longest_stall_seconds',
    type: 'gauge',
    help: 'Longest time since the start that the control thread did not turn, waits for a core included.',
    read: ({ process: p }) => p.longestStallSeconds,
  },
  {
    name: 'ftctl_event_loop_blocks_total',
    type: 'counter',
    help: 'Blocks of the control thread of over 20 ms.',
    read: ({ process: p }) => p.blocksOverLimit,
  },
];
