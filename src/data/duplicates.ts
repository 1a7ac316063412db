import type { SplitName } from './manifest.js';

/** An image that has a double. */
export interface DuplicateImage {
  readonly path: string;
  readonly class: string;
  /** Null where the data cannot be split. */
  readonly split: SplitName | null;
}

/** Images of the same content. */
export interface DuplicateSet {
  /** Whether the files are the same, byte for byte, or only the decoded pixels. */
  readonly same: 'bytes' | 'pixels';
  readonly images: readonly DuplicateImage[];
}

export interface Duplicates {
  /** Sets of images with the same content. */
  readonly sets: number;
  /** Images that would be left out if each content were kept once. */
  readonly extraImages: number;
  /** Every set, in whichever splits and classes. */
  readonly all: readonly DuplicateSet[];
  /** Sets in more than one split: what was trained on is scored. */
  readonly acrossSplits: readonly DuplicateSet[];
  /** Sets in more than one class: one of the labels is wrong. */
  readonly acrossClasses: readonly DuplicateSet[];
}

/** Finds images with the same decoded pixels. In the order of their first image. */
export function findDuplicates(
  images: readonly (DuplicateImage & { readonly sha256: string; readonly pixelHash: string })[],
): Duplicates {
  const byPixels = new Map<string, (typeof images)[number][]>();
  for (const image of images) {
    const same = byPixels.get(image.pixelHash);
    if (same === undefined) byPixels.set(image.pixelHash, [image]);
    else same.push(image);
  }
  const all = [...byPixels.values()]
    .filter(({ length }) => length > 1)
    .map((set): DuplicateSet => ({
      same: new Set(set.map(({ sha256 }) => sha256)).size === 1 ? 'bytes' : 'pixels',
      images: set.map(({ path, class: name, split }) => ({ path, class: name, split })),
    }));
  const across = (key: 'split' | 'class'): DuplicateSet[] =>
    all.filter(({ images: set }) => new Set(set.map((image) => image[key])).size > 1);
  return {
    sets: all.length,
    extraImages: all.reduce((sum, { images: set }) => sum + set.length - 1, 0),
    all,
    acrossSplits: across('split'),
    acrossClasses: across('class'),
  };
}
