import { describe, expect, it } from 'vitest';
import type { SplitName } from '../../../src/data/manifest.js';
import type { Listing } from '../../../src/data/sources/listing.js';
import { chooseSplit, type SplitChoice } from '../../../src/inference/choose-split.js';

/** One image for each split named. */
function listing(...splits: (SplitName | null)[]): Listing {
  const files = splits.map((split, i) => ({ path: `${i}.png`, classId: 'a', split }));
  return { root: '/data', files, classIds: ['a'] };
}

const chosen = (from: Listing, wish?: SplitChoice) => {
  const { split, splits, files } = chooseSplit(from, wish);
  return { split, splits, paths: files.map(({ path }) => path) };
};

describe('what is scored of data with splits', () => {
  const whole = listing('train', 'train', 'val', 'test');

  it('is test where there is one, else val, else all, and all splits are counted', () => {
    expect(chosen(whole)).toEqual({
      split: 'test',
      splits: { train: 2, val: 1, test: 1 },
      paths: ['3.png'],
    });
    expect(chosen(listing('train', 'val'))).toMatchObject({ split: 'val', paths: ['1.png'] });
    expect(chosen(listing('train', 'train'))).toMatchObject({ split: 'all', splits: { train: 2 } });
  });

  it('is what was asked for', () => {
    expect(chosen(whole, 'train').paths).toEqual(['0.png', '1.png']);
    expect(chosen(whole, 'all').paths).toHaveLength(4);
    expect(() => chosen(listing('train', 'val'), 'test')).toThrow(
      expect.objectContaining({
        code: 'FT_DATA_SPLIT',
        message: '/data has no test images; it has train (1), val (1).',
        remedy: 'Choose a split that it has, or all.',
      }),
    );
  });
});

describe('what is scored of data without splits', () => {
  it('is all, and no split can be asked for', () => {
    expect(chosen(listing(null, null))).toEqual({
      split: 'all',
      splits: null,
      paths: ['0.png', '1.png'],
    });
    expect(chosen(listing(null), 'all').split).toBe('all');
    expect(() => chosen(listing(null), 'test')).toThrow(
      '/data has no splits, so there is no test to score.',
    );
  });
});
