import type { WorkerMetricsLine } from '../control/run-recorder.js';
import type { RoundReport } from '../rpc/control-messages.js';

/** A worker has at most one line in this time, and one at each evaluation. */
const lineEveryMs = 1000;

/**
 * Makes lines of `metrics.jsonl` out of the workers' reports, which come every few milliseconds: seconds are summed,
 * totals are the last ones, the longest block is the longest.
 */
export class WorkerLines {
  readonly #write: (line: WorkerMetricsLine) => void;
  readonly #waiting = new Map<number, { line: WorkerMetricsLine; sinceMs: number }>();

  constructor(write: (line: WorkerMetricsLine) => void) {
    this.#write = write;
  }

  /** `atMs` is a Unix time in ms. */
  report(worker: { slot: number; rank: number }, report: RoundReport, atMs: number): void {
    const { slot, rank } = worker;
    const before = this.#waiting.get(slot);
    const { seconds, longestBlockMs, ...totals } = report.local;
    const line: WorkerMetricsLine = {
      at: atMs,
      type: 'worker',
      ...{ slot, rank, round: report.round, ...totals },
      seconds: summed(before?.line.seconds ?? {}, seconds),
      longestBlockMs: Math.max(before?.line.longestBlockMs ?? 0, longestBlockMs),
    };
    const sinceMs = before?.sinceMs ?? atMs;
    if (report.kind !== 'evaluate' && atMs - sinceMs < lineEveryMs) {
      this.#waiting.set(slot, { line, sinceMs });
      return;
    }
    this.#waiting.delete(slot);
    this.#write(line);
  }

  /** Writes what waits. */
  flush(): void {
    for (const { line } of this.#waiting.values()) this.#write(line);
    this.#waiting.clear();
  }
}

function summed(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...a };
  for (const [bucket, seconds] of Object.entries(b)) sum[bucket] = (sum[bucket] ?? 0) + seconds;
  return sum;
}
