import { setMaxListeners } from 'node:events';
import type { FeatureRequest, FeatureSource } from '../features/feature-source.js';

/** How far features are asked for ahead of the request in use: until both minima are met, or the bound is. */
export interface PrefetchDepth {
  readonly minRequests: number;
  readonly minRows: number;
  /** They bound memory and the work thrown away when shards move; one request ahead is always allowed. */
  readonly maxRows: number;
  readonly maxBytes: number;
}

/**
 * Several steps, and enough rows to fill the backbone's batches; 1024 rows of 1792 features are 7 MB, and of a whole image of 224 px, which
 * are 150,528 features, 111 rows are 64 MiB.
 */
export const defaultDepth: PrefetchDepth = {
  ...{ minRequests: 4, minRows: 128, maxRows: 1024 },
  maxBytes: 64 * 2 ** 20,
};

interface QueuedRequest {
  readonly round: number;
  readonly index: number;
  readonly request: FeatureRequest;
  features_RF: Promise<Float32Array>;
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

  /** Takes an array of `take` that nobody reads any more, for a later answer. */
  readonly recycle = (features_RF: Float32Array<ArrayBuffer>): void => {
    this.#source.recycle(features_RF);
  };

  /**
   * `features_RF` of a round's request number `index`. Asking for the same one again is allowed, also when its array was given to another
   * thread; one out of order is too, and starts over there. Rejects as FeatureSource.features does.
   */
  async take(round: number, index: number): Promise<Float32Array> {
    const found = this.#entries.findIndex((e) => e.round === round && e.index === index);
    if (found < 0) this.#restart(round, index);
    else this.#entries.splice(0, found);
    this.#fill();
    const entry = this.#entries[0];
    if (entry === undefined) throw new RangeError(`Round ${round} has no request ${index}.`);
    try {
      const features_RF = await entry.features_RF;
      // An array that was given to another thread is of length 0.
      if (features_RF.length > 0 || entry.request.samples.length === 0) return features_RF;
      entry.features_RF = this.#ask(entry.request);
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
      const place = { round: this.#round, index: this.#index };
      this.#entries.push({ ...place, request, features_RF: this.#ask(request) });
      this.#index += 1;
    }
  }

  #wantsMore(next: FeatureRequest | undefined): boolean {
    if (next === undefined || this.#entries.length < 2) return true;
    const ahead = this.#entries.slice(1);
    const rows = ahead.reduce((sum, { request }) => sum + request.samples.length, 0);
    const { minRequests, minRows, maxRows, maxBytes } = this.#depth;
    if (ahead.length >= minRequests && rows >= minRows) return false;
    const rowsThen = rows + next.samples.length;
    const bytesThen = rowsThen * this.#source.width * Float32Array.BYTES_PER_ELEMENT;
    return rowsThen <= maxRows && bytesThen <= maxBytes;
  }

  #ask(request: FeatureRequest): Promise<Float32Array> {
    const features_RF =
      request.samples.length === 0
        ? Promise.resolve(new Float32Array(0))
        : this.#source.features(request, this.#abort.signal);
    // Whoever takes it sees the rejection; one that nobody takes any more is no unhandled one.
    features_RF.catch(() => undefined);
    return features_RF;
  }
}

/** Each request ahead listens to the signal, and there may be dozens: no leak. */
function controller(): AbortController {
  const made = new AbortController();
  setMaxListeners(0, made.signal);
  return made;
}
