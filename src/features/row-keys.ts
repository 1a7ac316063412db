import { augmentVersion, viewParameters } from '../data/augment.js';
import { decodeKey } from '../data/decode.js';
import { decodeSideOf } from '../data/working-side.js';
import { featureKey, featureKeyPrefix, widthKey } from './feature-key.js';
import type { FeatureThreadData, ImageRow } from './thread-messages.js';

/** What of a feature source the keys of its rows depend on. */
export type RowKeyScope = Pick<
  FeatureThreadData,
  'augment' | 'seed' | 'workingSide' | 'preprocessing' | 'backboneSha256' | 'fingerprintHash'
>;

/** The keys of a source's entries in the feature cache. */
export interface RowKeys {
  readonly of: (row: ImageRow) => Buffer;
  /** Of the entry that remembers the rows' width. */
  readonly width: Buffer;
}

export function rowKeys(scope: RowKeyScope): RowKeys {
  const { augment, seed, workingSide, preprocessing } = scope;
  const prefix = featureKeyPrefix({ ...scope, augmentVersion });
  return {
    of: ({ file, view }) => {
      const imageKey = decodeKey(file.sha256, {
        workingSide: decodeSideOf(view, workingSide, preprocessing),
        background: preprocessing.background,
      });
      return featureKey(prefix, imageKey, viewParameters(augment, seed, file.id, view));
    },
    width: widthKey(prefix),
  };
}
