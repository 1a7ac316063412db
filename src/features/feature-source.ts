/** Instead of a sample: a row of zeros. */
export const paddingSample = -1;

/** Rows wanted from the backbone: sample indexes into the manifest, and a view index for each (-1: the plain view). */
export interface FeatureRequest {
  readonly samples: Int32Array;
  readonly views: Int32Array;
}

/** Counted since the source was opened. */
export interface FeatureCounters {
  /** Rows that the backbone computed, and rows that were there: in the cache, or computed for another request. */
  readonly rowsCached: number;
  readonly rowsComputed: number;
  /** Images decoded by libvips, and decoded images found in the cache. */
  readonly imagesDecoded: number;
  readonly imagesCached: number;
  /** Time spent in the background threads, in seconds. */
  readonly decodeSeconds: number;
  readonly augmentSeconds: number;
  readonly backboneSeconds: number;
}

/**
 * Port: the frozen prefix, behind the caches. A row's bits depend on (sample, view) alone: not on the batch it
 * comes in, on the order of requests, nor on whether it was cached.
 */
export interface FeatureSource {
  /** Number of features of a row. */
  readonly width: number;
  /**
   * `features_BF` in request order. Requests are answered in the order in which they were made, so that asking
   * ahead of need is how to prefetch. Rejects with an FtctlError (data that vanished, engine failure) or, when
   * `signal` is aborted, with its reason. The array is the caller's, and all of its buffer.
   */
  features(request: FeatureRequest, signal?: AbortSignal): Promise<Float32Array>;
  /** Takes an array of `features` that nobody reads any more, for a later answer. */
  recycle(features_BF: Float32Array<ArrayBuffer>): void;
  counters(): FeatureCounters;
  close(): Promise<void>;
}
