import type { AugmentSpec } from '../config/run-spec.js';
import type { Preprocessing } from '../data/preprocessing.js';
import type { FeatureEngineOptions } from '../engines/feature-engine.js';
import type { FtctlErrorJson } from '../errors/index.js';

/*
 * What travels between the threads of a feature source:
 *
 *   caller  <-- rows -->  feature thread (feature cache, backbone)  <-- batches -->  image threads (decode, augment)
 *
 * Arrays are transferred, not copied. One message carries a request or a whole backbone batch.
 */

/** The file of one sample. */
export interface ImageFile {
  readonly id: string;
  /** Absolute. */
  readonly path: string;
  readonly sha256: string;
}

/** What an image thread needs to turn files into network inputs. */
export interface ImageSettings {
  readonly augment: AugmentSpec;
  readonly seed: number;
  readonly preprocessing: Preprocessing;
  /** Of training views; see decodeSideOf (data/working-side.ts). */
  readonly workingSide: number;
  readonly cacheDir: string;
  readonly cacheImages: boolean;
}

/** `workerData` of the feature thread. */
export interface FeatureThreadData extends ImageSettings {
  readonly engine: FeatureEngineOptions;
  readonly backboneSha256: string;
  readonly fingerprintHash: string;
  readonly cacheFeatures: boolean;
  /** Memory of {@link SharedCounters}. */
  readonly counters: SharedArrayBuffer;
  /** URL of the image threads' module. */
  readonly imageThread: string;
  readonly numImageThreads: number;
}

/** `workerData` of an image thread. */
export interface ImageThreadData extends ImageSettings {
  readonly counters: SharedArrayBuffer;
}

export type ToFeatureThread =
  | {
      readonly type: 'request';
      readonly id: number;
      /** `paddingSample`: a row of zeros. */
      readonly samples: Int32Array;
      readonly views: Int32Array;
      /** Arrays of answers to be used again, which are given to the thread. */
      readonly spare: readonly Float32Array<ArrayBuffer>[];
      /** Files of the samples that no request before named, by sample index. */
      readonly newFiles: readonly (readonly [number, ImageFile])[];
    }
  /** The caller does not want the answer any more. */
  | { readonly type: 'abort'; readonly id: number }
  /** Give up what is pending, close everything and end. */
  | { readonly type: 'close' };

export type FromFeatureThread =
  | { readonly type: 'opened'; readonly width: number }
  | { readonly type: 'answer'; readonly id: number; readonly features_BF: Float32Array }
  | { readonly type: 'rejected'; readonly id: number; readonly error: FtctlErrorJson }
  | { readonly type: 'warning'; readonly message: string }
  /** The source cannot go on: every request, pending or to come, fails. */
  | { readonly type: 'failed'; readonly error: FtctlErrorJson };

export interface ImageRow {
  readonly file: ImageFile;
  readonly view: number;
}

export interface RowFailure {
  readonly row: number;
  readonly error: FtctlErrorJson;
}

export type ToImageThread =
  | {
      readonly type: 'prepare';
      readonly batch: number;
      readonly rows: readonly ImageRow[];
      /** Filled from its start; long enough. */
      readonly images_NCHW: Float32Array;
    }
  | { readonly type: 'close' };

export type FromImageThread =
  | {
      readonly type: 'prepared';
      readonly batch: number;
      readonly images_NCHW: Float32Array;
      /** Rows without an image; what lies in their place is not defined. */
      readonly failures: readonly RowFailure[];
    }
  | { readonly type: 'warning'; readonly message: string }
  | { readonly type: 'failed'; readonly error: FtctlErrorJson };
