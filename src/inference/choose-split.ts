import type { SplitName } from '../data/manifest.js';
import { type ListedFile, type Listing, nameOf } from '../data/sources/listing.js';
import { FtctlError } from '../errors/index.js';

export type SplitChoice = SplitName | 'all';

/** How many images a split has, of those with images. */
export type SplitSizes = Readonly<Partial<Record<SplitName, number>>>;

/**
 * Chooses what is scored. Without a wish: test, which nothing was chosen on, or else val, or else all. Data without splits
 * (`splits` is null) are scored as a whole. Throws FT_DATA_SPLIT for a wish that the data cannot fulfil. Pure.
 */
export function chooseSplit(
  listing: Listing,
  wish: SplitChoice | undefined,
): { split: SplitChoice; splits: SplitSizes | null; files: readonly ListedFile[] } {
  const splits = sizesOf(listing.files);
  if (splits === null) {
    if (wish === undefined || wish === 'all') return { split: 'all', splits, files: listing.files };
    throw new FtctlError('FT_DATA_SPLIT', {
      what: `${nameOf(listing)} has no splits, so there is no ${wish} to score.`,
      remedy: 'Leave the choice of a split out to score all images, or name data that have splits.',
    });
  }
  const split =
    wish ?? (['test', 'val'] as const).find((name) => splits[name] !== undefined) ?? 'all';
  if (split === 'all') return { split, splits, files: listing.files };
  const files = listing.files.filter((file) => file.split === split);
  if (files.length > 0) return { split, splits, files };
  const sizes = Object.entries(splits).map(([name, size]) => `${name} (${size})`);
  throw new FtctlError('FT_DATA_SPLIT', {
    what: `${nameOf(listing)} has no ${split} images; it has ${sizes.join(', ')}.`,
    remedy: 'Choose a split that it has, or all.',
  });
}

function sizesOf(files: readonly ListedFile[]): SplitSizes | null {
  const sizes: Partial<Record<SplitName, number>> = {};
  for (const name of ['train', 'val', 'test'] as const) {
    const size = files.filter(({ split }) => split === name).length;
    if (size > 0) sizes[name] = size;
  }
  return Object.keys(sizes).length === 0 ? null : sizes;
}
