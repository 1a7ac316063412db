import { hash } from 'node:crypto';
import type { ViewParameters } from '../data/augment.js';
import type { Preprocessing } from '../data/preprocessing.js';

/** What all rows of a run have in common, as far as it can change a bit of a feature. */
export interface FeatureKeyScope {
  /** SHA-256 of the backbone's ONNX file: weights, split point, folding. */
  readonly backboneSha256: string;
  /** Hash of engine, provider, their versions, and the machine's instruction class. */
  readonly fingerprintHash: string;
  readonly preprocessing: Preprocessing;
  readonly augmentVersion: string;
}

/** Hashes a scope once, so that a row's key costs microseconds. */
export function featureKeyPrefix(scope: FeatureKeyScope): string {
  const { imageSize, mean, std, background } = scope.preprocessing;
  return hash(
    'sha256',
    JSON.stringify([
      'features/1',
      scope.backboneSha256,
      scope.fingerprintHash,
      scope.augmentVersion,
      [imageSize, mean, std, background],
    ]),
  );
}

/**
 * A row's key: the decode key holds the image's bytes, the decoder's version and the working resolution; the view's
 * parameters (not its index or seed) say the rest, so that equal views of different runs are one entry.
 */
export function featureKey(prefix: string, decodeKey: string, view: ViewParameters): Buffer {
  return hash('sha256', `${prefix}\n${decodeKey}\n${JSON.stringify(view, keepSign)}`, 'buffer');
}

/** Key of the entry that remembers the width of a scope's rows. */
export function widthKey(prefix: string): Buffer {
  return hash('sha256', `${prefix}\nwidth`, 'buffer');
}

/** JSON writes -0 as 0. All other doubles come back from it bit for bit. */
function keepSign(_name: string, value: unknown): unknown {
  return Object.is(value, -0) ? '-0' : value;
}
