import { setMaxListeners } from 'node:events';
import type { FeatureRequest, FeatureSource } from '../features/feature-source.js';

/** How far features are asked for ahead of the request in use: until both minima are met, or the bound is. */
export interface PrefetchDepth {
  readonly minRequests: number;
  readonly minRows: number;
  /** Bounds memory and the work thrown away when shards move; one request ahead is always allowed. */
  readonly maxRows: number;
}

/** Several steps, and enough rows to fill the backbone's batches; 1024 rows of 1792 features are 7 MB. */
export const defaultDepth: PrefetchDepth = { minRequests: 4, minRows: 128, maxRows: 1024 };

interface QueuedRequest {
  readonly round: number;
  readonly index: number;
  readonly numRows: number;
  readonly features_RF: Promise<Float32Array>;
}

/**
 * Asks a worker's feature source for the rows of coming rounds before they are needed, across epochs and
 * evaluations. It changes when features are computed, never which; what is thrown away costs time alone.
 */
export class FeatureQueue {
  readonly #source: FeatureSource;
  readonly #depth: PrefetchDepth;
  /** The requests of a round, in the order in which they are used; undefined after the last round. */
  readonly #requestsOf: (round: number) => readonly FeatureRequest[] | undefined;
  #entries: QueuedRequest[] = [];
  #abort = controller();
  /** Where the next request to be made lies. */
  #round = 1;
  #index = 0;
  #upcoming: readonly FeatureRequest[] | undefined;

  constructor(
    source: FeatureSource,
    requestsOf: (round: number) => readonly FeatureRequest[] | undefined,
    depth: PrefetchDepth = defaultDepth,
  ) {
    this.#source = source;
    this.#requestsOf = requestsOf;
    this.#depth = depth;
  }

  /**
   * `features_RF` of a round's request number `index`, for {@link padBatch}. Asking for the same one again, or for
   * one out of order, is allowed and starts over there. Rejects as FeatureSource.features does.
   */
  async take(round: number, index: number): Promise<Float32Array> {
    const found = this.#entries.findIndex((e) => e.round === round && e.index === index);
    if (found < 0) this.#restart(round, index);
    else this.#entries.splice(0, found);
    this.#fill();
    const entry = this.#entries[0];
    if (entry === undefined) throw new RangeError(`Round ${round} has no request ${index}.`);
    try {
      return await entry.features_RF;
    } catch (error) {
      // A failed request must not be answered from the queue for ever.
      if (this.#entries.includes(entry)) this.discard();
      throw error;
    }
  }

  /** Gives up what was asked for ahead. The next `take` starts over. */
  discard(): void {
    this.#abort.abort(new Error('The features are no longer needed.'));
    this.#abort = controller();
    this.#entries = [];
  }

  #restart(round: number, index: number): void {
    this.discard();
    this.#round = round;
    this.#index = index;
    this.#upcoming = this.#requestsOf(round);
  }

  #fill(): void {
    while (this.#upcoming !== undefined && this.#wantsMore(this.#upcoming[this.#index])) {
      const request = this.#upcoming[this.#index];
      if (request === undefined) {
        this.#round += 1;
        this.#index = 0;
        this.#upcoming = this.#requestsOf(this.#round);
        continue;
      }
      this.#entries.push(this.#ask(request));
      this.#index += 1;
    }
  }

  #wantsMore(next: FeatureRequest | undefined): boolean {
    if (next === undefined || this.#entries.length < 2) return true;
    const ahead = this.#entries.slice(1);
    const rows = ahead.reduce((sum, entry) => sum + entry.numRows, 0);
    const enough = ahead.length >= this.#depth.minRequests && rows >= this.#depth.minRows;
    return !enough && rows + next.samples.length <= this.#depth.maxRows;
  }

  #ask(request: FeatureRequest): QueuedRequest {
    const numRows = request.samples.length;
    const features_RF =
      numRows === 0
        ? Promise.resolve(new Float32Array(0))
        : this.#source.features(request, this.#abort.signal);
    // Whoever takes it sees the rejection; one that nobody takes any more is no unhandled one.
    features_RF.catch(() => undefined);
    return { round: this.#round, index: this.#index, numRows, features_RF };
  }
}

/** Each request ahead listens to the signal, and there may be dozens: no leak. */
function controller(): AbortController {
  const made = new AbortController();
  setMaxListeners(0, made.signal);
  return made;
}
