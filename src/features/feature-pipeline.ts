import { VectorPool } from '../collective/vector-pool.js';
import type { FeatureEngine } from '../engines/feature-engine.js';
import { FtctlError } from '../errors/index.js';
import type { SharedCounters } from './feature-counters.js';
import type { ImageSource, PreparedBatch } from './image-pool.js';
import type { FeatureCache } from './lmdb-cache.js';
import type { ImageRow } from './thread-messages.js';

/** Rows of one backbone run at most. More gain nothing on a CPU. */
const maxBatchRows = 32;

/** A run cannot be interrupted, so batches are cut to what takes about so long: closing must not wait for more. */
const maxRunMs = 500;

/** Memory of one batch of network inputs at most; three batches exist at a time. */
const maxBatchBytes = 24 * 1024 * 1024;

/** Arrays of answers that are kept to be written again: about as many as are asked for ahead (train/feature-queue.ts). */
const maxSpareBytes = 128 * 1024 * 1024;

/** Rows of a backbone run for images of so many floats. */
export function batchRows(imageLength: number): number {
  const fitting = Math.floor(maxBatchBytes / (4 * imageLength));
  return Math.max(1, Math.min(maxBatchRows, fitting));
}

export interface FeaturePipelineOptions {
  /** Features of a row. */
  readonly width: number;
  /** Floats of one network input. */
  readonly imageLength: number;
  readonly cache: FeatureCache;
  /** Equal for rows of equal bits only: a row that is wanted twice is computed once. */
  readonly keyOf: (row: ImageRow) => Uint8Array;
  readonly images: ImageSource;
  /** Called when the first batch is ready, and again for each; opens once. */
  readonly openEngine: () => Promise<FeatureEngine>;
  readonly counters: SharedCounters;
  /** Milliseconds, monotonic. */
  readonly nowMs: () => number;
  /** Called in the order of the requests. */
  readonly onAnswer: (id: number, features_BF: Float32Array) => void;
  readonly onRejected: (id: number, error: FtctlError) => void;
  /** Called at most once: nothing can be answered any more. */
  readonly onFailed: (error: FtctlError) => void;
}

interface Request {
  readonly id: number;
  readonly features_BF: Float32Array;
  numMissing: number;
  error: FtctlError | undefined;
  aborted: boolean;
}

/** A row that must be computed, once for all requests that want it. */
interface Miss {
  readonly image: ImageRow;
  readonly key: Uint8Array;
  wanted: readonly { readonly request: Request; readonly row: number }[];
}

/**
 * The heart of the feature thread: requests in, cached rows out at once, misses of all outstanding requests joined to
 * backbone batches. The backbone blocks the thread, so batches are handed to the image threads ahead of their run:
 * while one runs, up to two are being made or lie ready.
 */
export class FeaturePipeline {
  readonly #options: FeaturePipelineOptions;
  #batchRows: number;
  readonly #requests: Request[] = [];
  /** Not handed to the image threads yet. */
  #misses: Miss[] = [];
  /** By key, until they are computed: small data are asked for several epochs ahead. */
  readonly #underWay = new Map<string, Miss>();
  /** Of answers. */
  readonly #pool = new VectorPool(maxSpareBytes);
  #numBatches = 0;
  #lastRun: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: FeaturePipelineOptions) {
    this.#options = options;
    this.#batchRows = batchRows(options.imageLength);
  }

  /** Nothing is wanted or under way. */
  get isIdle(): boolean {
    return this.#requests.length === 0 && this.#numBatches === 0;
  }

  /** `null` is a row of zeros. */
  request(id: number, rows: readonly (ImageRow | null)[]): void {
    if (this.#ended) return;
    const { cache, counters, keyOf, width } = this.#options;
    const request: Request = {
      id,
      features_BF: this.#pool.take(rows.length * width),
      numMissing: 0,
      error: undefined,
      aborted: false,
    };
    let numCached = 0;
    rows.forEach((image, row) => {
      if (image === null) {
        // The array may be one with old values in it.
        request.features_BF.fill(0, row * width, (row + 1) * width);
        return;
      }
      const key = keyOf(image);
      const cached_F = cache.get(key, width);
      if (cached_F !== undefined) {
        request.features_BF.set(cached_F, row * width);
        numCached += 1;
        return;
      }
      request.numMissing += 1;
      if (!this.#want(request, row, image, key)) numCached += 1;
    });
    counters.add('rowsCached', numCached);
    this.#requests.push(request);
    this.#answer();
    this.#dispatch();
  }

  /** Takes the array of an answer that nobody reads any more. */
  recycle(features_BF: Float32Array): void {
    this.#pool.give(features_BF);
  }

  /** Forgets a request; rows that are already on their way are computed, for the cache. */
  abort(id: number): void {
    const index = this.#requests.findIndex((request) => request.id === id);
    const request = this.#requests[index];
    if (request === undefined) return;
    request.aborted = true;
    this.#requests.splice(index, 1);
    this.#misses = this.#misses.filter((miss) => {
      miss.wanted = miss.wanted.filter((wanted) => wanted.request !== request);
      if (miss.wanted.length === 0) this.#underWay.delete(nameOf(miss.key));
      return miss.wanted.length > 0;
    });
    this.#answer();
  }

  /** Whether the row has to be computed for this request, that is not for another one already. */
  #want(request: Request, row: number, image: ImageRow, key: Uint8Array): boolean {
    const name = nameOf(key);
    const known = this.#underWay.get(name);
    if (known !== undefined) {
      known.wanted = [...known.wanted, { request, row }];
      return false;
    }
    const miss: Miss = { image, key, wanted: [{ request, row }] };
    this.#underWay.set(name, miss);
    this.#misses.push(miss);
    return true;
  }

  /** Commits computed rows to the cache. */
  flush(): void {
    this.#options.cache.flush();
  }

  /** Gives up what is pending and closes images and cache. The engine is its opener's. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#requests.length = 0;
    this.#misses.length = 0;
    const { images, cache } = this.#options;
    await images.close();
    await cache.close();
  }

  /**
   * A full batch goes out as soon as fewer than three are under way. A part of one goes out only if fewer than two
   * are, that is if the backbone would soon have nothing to do: until then more misses may join it.
   */
  #dispatch(): void {
    while (
      !this.#ended &&
      this.#misses.length > 0 &&
      this.#numBatches < (this.#misses.length >= this.#batchRows ? 3 : 2)
    ) {
      const misses = this.#misses.splice(0, this.#batchRows);
      const prepared = this.#options.images.prepare(misses.map((miss) => miss.image));
      this.#numBatches += 1;
      this.#lastRun = this.#lastRun
        .then(async () => {
          const batch = await prepared;
          if (!this.#ended) await this.#run(misses, batch);
        })
        .catch((error: unknown) => {
          this.#fail(FtctlError.from(error));
        });
      // Awaited above, but later: until then a rejection would count as unhandled.
      prepared.catch(() => undefined);
    }
  }

  async #run(misses: readonly Miss[], batch: PreparedBatch): Promise<void> {
    const { imageLength, images, counters, nowMs, openEngine } = this.#options;
    const engine = await openEngine();
    // The run blocks the thread: let requests and aborts in first, so that the next batches are made meanwhile.
    await new Promise(setImmediate);
    if (this.#ended) return;
    const startMs = nowMs();
    const images_NCHW = batch.images_NCHW.subarray(0, misses.length * imageLength);
    const features_NF = await engine.run(images_NCHW, misses.length);
    const endMs = nowMs();
    counters.addTime('backboneNs', startMs, endMs);
    this.#limitRows((endMs - startMs) / misses.length);
    counters.add('rowsComputed', misses.length - batch.failures.length);
    images.recycle(batch.images_NCHW);
    this.#numBatches -= 1;
    this.#scatter(misses, batch, features_NF);
    this.#dispatch();
    this.#answer();
  }

  /** Changes no bits: a row's are the same in any batch. */
  #limitRows(rowMs: number): void {
    const affordable = Math.max(1, Math.floor(maxRunMs / rowMs));
    this.#batchRows = Math.min(batchRows(this.#options.imageLength), affordable);
  }

  #scatter(misses: readonly Miss[], batch: PreparedBatch, features_NF: Float32Array): void {
    const { cache, width } = this.#options;
    const failed = new Map(batch.failures.map(({ row, error }) => [row, error]));
    misses.forEach(({ wanted, key }, index) => {
      this.#underWay.delete(nameOf(key));
      const error = failed.get(index);
      const row_F = features_NF.subarray(index * width, (index + 1) * width);
      if (error === undefined) cache.put(key, row_F);
      for (const { request, row } of wanted) {
        request.numMissing -= 1;
        if (error !== undefined) request.error ??= FtctlError.fromJSON(error);
        else if (!request.aborted) request.features_BF.set(row_F, row * width);
      }
    });
  }

  #answer(): void {
    for (;;) {
      const first = this.#requests[0];
      if (first === undefined || first.numMissing > 0) return;
      this.#requests.shift();
      if (first.error === undefined) this.#options.onAnswer(first.id, first.features_BF);
      else this.#options.onRejected(first.id, first.error);
    }
  }

  #fail(error: FtctlError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.onFailed(error);
  }
}

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
