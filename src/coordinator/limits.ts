/** How long the coordinator waits for what. All follow from one number, so that they cannot contradict each other. */
export interface Limits {
  /** Longest silence of a worker that is alive, and how long an accused one has to prove that it is. */
  readonly toleranceMs: number;
  /** A worker says at least this often what it is doing: three may be late before it counts as silent. */
  readonly heartbeatMs: number;
  /** The coordinator judges this often. */
  readonly tickMs: number;
  /** From the coordinator's start to a worker's hello: a process, or a pod, has to start. */
  readonly helloMs: number;
  /** From hello to ready: files are read, a model is loaded, caches are opened. */
  readonly startMs: number;
  /** From prepare to the answer: compute is interrupted, streams are opened. */
  readonly prepareMs: number;
  /** In one stage of one round, with heartbeats: a cold cache computes a whole evaluation here. */
  readonly stageMs: number;
  /**
   * From a failure in mid-run to its end: the newest state of the survivors is saved in this time, or given up. After
   * half of it those who have promised are enough.
   */
  readonly rescueMs: number;
}

/** 10 s: far above any pause of a healthy process on a crowded laptop; without recovery a false alarm costs the run. */
export const defaultToleranceMs = 10_000;

const minutesMs = 60_000;

/** The limits that follow from `toleranceMs`. Throws a RangeError under 40 ms: heartbeats would be under 10 ms. */
export function compileLimits(toleranceMs: number = defaultToleranceMs): Limits {
  if (!(toleranceMs >= 40)) {
    throw new RangeError(`toleranceMs is ${toleranceMs}; it must be at least 40.`);
  }
  return {
    toleranceMs,
    heartbeatMs: toleranceMs / 4,
    tickMs: toleranceMs / 4,
    helloMs: Math.max(2 * minutesMs, 2 * toleranceMs),
    startMs: Math.max(10 * minutesMs, 2 * toleranceMs),
    prepareMs: 3 * toleranceMs,
    stageMs: Math.max(10 * minutesMs, 2 * toleranceMs),
    rescueMs: 0.4 * toleranceMs,
  };
}
