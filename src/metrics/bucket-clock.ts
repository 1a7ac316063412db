import type { Clock } from '../util/clock.js';
import { timeBuckets, type TimeBucket, type Timeline } from './timeline.js';

/** Seconds of each bucket. */
export type BucketSeconds = Record<TimeBucket, number>;

/**
 * The timeline of one step loop. There is always exactly one open bucket and a change reads the clock once, for the
 * end of one and the start of the next: so the buckets sum to the wall clock by construction, up to the rounding of
 * the sum. It starts in `idle`.
 */
export class BucketClock implements Timeline {
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #ms = zeros();
  #taken = zeros();
  #open: TimeBucket = 'idle';
  #sinceMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startMs = clock.nowMs();
    this.#sinceMs = this.#startMs;
  }

  enter(bucket: TimeBucket): void {
    this.#settle();
    this.#open = bucket;
  }

  /** The bucket that time is going to now. */
  get current(): TimeBucket {
    return this.#open;
  }

  /** Totals since the start, the open bucket's running time included. */
  seconds(): BucketSeconds {
    this.#settle();
    return mapBuckets((bucket) => this.#ms[bucket] / 1000);
  }

  /** Since the last call of this method (or the start): the calls' results sum to the wall clock too. */
  takeSince(): BucketSeconds {
    this.#settle();
    const since = mapBuckets((bucket) => (this.#ms[bucket] - this.#taken[bucket]) / 1000);
    this.#taken = { ...this.#ms };
    return since;
  }

  /** Seconds since the start, from the reading that the buckets were last settled with. */
  wallSeconds(): number {
    this.#settle();
    return (this.#sinceMs - this.#startMs) / 1000;
  }

  #settle(): void {
    const now = this.#clock.nowMs();
    this.#ms[this.#open] += now - this.#sinceMs;
    this.#sinceMs = now;
  }
}

function zeros(): Record<TimeBucket, number> {
  return mapBuckets(() => 0);
}

function mapBuckets(value: (bucket: TimeBucket) => number): BucketSeconds {
  return Object.fromEntries(timeBuckets.map((bucket) => [bucket, value(bucket)])) as BucketSeconds;
}
