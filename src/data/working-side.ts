import type { AugmentSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import type { Preprocessing } from './preprocessing.js';
import { plainView } from './preprocessing.js';

/** The most that {@link AugmentSpec.scale} may shrink by. */
const maxShrink = 2;

/** A random resized crop is taken from an image of at most so many times the input's side. */
const maxEnlarged = 2;

/**
 * The shorter side of decoded training images, in pixels: the network's input side itself; with random resized crops, as
 * much more as the smallest crop is enlarged, twice at most, so that crops are not blurred much more than crops of the
 * file would be. Rejects a `scale` that shrinks by more than 2 with FT_DATA_AUGMENT_RANGE.
 */
export function workingSide(
  imageSize: number,
  augment: Pick<AugmentSpec, 'scale' | 'randomResizedCrop'>,
): number {
  if (augment.scale[0] * maxShrink < 1) {
    throw new FtctlError('FT_DATA_AUGMENT_RANGE', {
      what: `data.augment.scale starts at ${augment.scale[0]}.`,
      why: `Images may be shrunk to ${1 / maxShrink} at least.`,
    });
  }
  if (augment.randomResizedCrop === null) return imageSize;
  const enlarged = 1 / Math.sqrt(augment.randomResizedCrop.area[0]);
  return Math.round(imageSize * Math.min(maxEnlarged, enlarged));
}

/**
 * The shorter side that an image is decoded at for a view. The plain view is a crop of decoded pixels with nothing
 * resampled twice, and does not depend on how training images are augmented: `predict`, which knows only the preprocessing,
 * sees the same pixels.
 */
export function decodeSideOf(
  view: number,
  training: number,
  { resizeSide }: Pick<Preprocessing, 'resizeSide'>,
): number {
  return view === plainView ? resizeSide : training;
}
