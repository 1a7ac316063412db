import { CounterRng } from '../data/rng.js';
import { openFeatureCache } from './lmdb-cache.js';
import { rowKeys, type RowKeyScope } from './row-keys.js';
import type { ImageRow } from './thread-messages.js';

/** Rows that are looked for: that takes tens of milliseconds. */
const maxLookedFor = 1000;

export interface CountOptions extends RowKeyScope {
  readonly cacheDir: string;
  /** Values of a row. */
  readonly width: number;
}

/**
 * How many of `numRows` rows the feature cache has. Of many rows some are looked for, one of each stretch at random (they may come in
 * periods: the views of an image), and the number is as large a part of all. Never rejects: a cache that cannot be read has none.
 */
export async function countCached(
  numRows: number,
  rowAt: (
    index: number,
  ) => Pick<ImageRow, 'view'> & { readonly file: { id: string; sha256: string } },
  { cacheDir, width, ...scope }: CountOptions,
): Promise<number> {
  const numLookedFor = Math.min(numRows, maxLookedFor);
  const cache = await openFeatureCache(cacheDir, { readOnly: true, onWarning: () => undefined });
  try {
    const keys = rowKeys(scope);
    const chance = new CounterRng(0, 'count-cached');
    let numFound = 0;
    for (let i = 0; i < numLookedFor; i += 1) {
      const { file, view } = rowAt(Math.floor(((i + chance.uniform(i)) * numRows) / numLookedFor));
      if (cache.get(keys.of({ file: { ...file, path: '' }, view }), width) !== undefined) {
        numFound += 1;
      }
    }
    return numLookedFor === 0 ? 0 : Math.round((numFound * numRows) / numLookedFor);
  } finally {
    await cache.close();
  }
}
