import type { Rgb } from '../config/run-spec.js';
import { adjustColor, changesColor } from './color.js';
import type { DecodedImage } from './pixel-cache.js';
import type { Preprocessing } from './preprocessing.js';
import { type AffineMap, asIs, type ChannelLine, resample } from './resample.js';
import { resizedCropOf, shrunk } from './resized-crop.js';
import type { ViewParameters } from './view-parameters.js';

export { type ViewParameters, viewParameters } from './view-parameters.js';

/** Part of every cache key of what was made here: changes whenever a bit of {@link renderView}'s output can. */
export const augmentVersion = 'augment-2';

/**
 * Renders a view of a decoded image: one bilinear pass for all geometry, then color, then normalisation, then erasure.
 * Writes `imageSize` x `imageSize` float32 values a channel (CHW) from `outOffset` on.
 *
 * The plain view is torchvision's CenterCrop of the decoded image, each pixel exact: at most (p / 255 - mean) / std
 * rounds. What is moved into view from outside of that crop is the image's own pixels; outside of the image, it is
 * the background.
 */
export function renderView(
  image: DecodedImage,
  view: ViewParameters,
  preprocessing: Preprocessing,
  out_CHW: Float32Array,
  outOffset: number,
): void {
  const { imageSize: side, background } = preprocessing;
  if (outOffset + 3 * side * side > out_CHW.length) {
    throw new RangeError(`The output ends before the image does, which starts at ${outOffset}.`);
  }
  const { image: source, map } = shrunk(image, inverseMap(image, view, side));
  const normalise = normaliseLine(preprocessing);
  const hasColor = changesColor(view);
  // A crop may take in the image's very edge, of which half a pixel's breadth lies beyond the last pixels' centres.
  const edge = view.resizedCrop === null ? 'background' : 'pixel';
  resample(
    source,
    map,
    { background, edge },
    hasColor ? asIs : normalise,
    side,
    out_CHW,
    outOffset,
  );
  if (hasColor) adjustColor(view, normalise, side * side, out_CHW, outOffset);
  if (view.erase !== null) erase(view.erase, side, out_CHW, outOffset);
}

function normaliseLine({ mean, std }: Preprocessing): ChannelLine {
  const perChannel = (value: (c: 0 | 1 | 2) => number): Rgb => [value(0), value(1), value(2)];
  return {
    gain: perChannel((c) => 1 / (255 * std[c])),
    bias: perChannel((c) => 0 - mean[c] / std[c]),
  };
}

/**
 * From output pixels back to decoded pixels: undo flips, crop, translation, rotation and scale, and what was cut out first:
 * the centre crop, or the rectangle of a random resized crop.
 */
function inverseMap(image: DecodedImage, view: ViewParameters, side: number): AffineMap {
  const cut =
    view.resizedCrop === null
      ? {
          left: cropStart(image.width, side),
          top: cropStart(image.height, side),
          width: side,
          height: side,
        }
      : resizedCropOf(view.resizedCrop, image.width, image.height);
  const [cos, sin] = cosSin(view.rotateDegrees);
  const stretchX = ((view.flipHorizontal ? -1 : 1) * view.cropSide) / view.scale;
  const stretchY = ((view.flipVertical ? -1 : 1) * view.cropSide) / view.scale;
  const perX = cut.width / side;
  const perY = cut.height / side;
  const xx = cos * stretchX * perX;
  const xy = -sin * stretchY * perX;
  const yx = sin * stretchX * perY;
  const yy = cos * stretchY * perY;
  // Middle of the output: where it lies from the middle of what was cut out, before rotation and scale are undone.
  const shiftX = (side * (view.cropX - view.translateX)) / view.scale;
  const shiftY = (side * (view.cropY - view.translateY)) / view.scale;
  const middle = (side - 1) / 2;
  return {
    xx,
    xy,
    x0: (cos * shiftX - sin * shiftY) * perX + cut.left + (cut.width - 1) / 2 - (xx + xy) * middle,
    yx,
    yy,
    y0: (sin * shiftX + cos * shiftY) * perY + cut.top + (cut.height - 1) / 2 - (yx + yy) * middle,
  };
}

/** torchvision's CenterCrop: round((length - side) / 2), a half to the even number. */
function cropStart(length: number, side: number): number {
  const half = (length - side) / 2;
  const floor = Math.floor(half);
  if (half === floor) return half;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Exact for quarter turns, which Math.cos and Math.sin are not. */
function cosSin(degrees: number): [number, number] {
  const turns = degrees / 90;
  if (Number.isInteger(turns)) {
    const quarter = ((turns % 4) + 4) % 4;
    return quarter === 0 ? [1, 0] : quarter === 1 ? [0, 1] : quarter === 2 ? [-1, 0] : [0, -1];
  }
  const radians = (degrees * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

/** Fills the rectangle with 0, which is the mean color once normalised: torchvision's RandomErasing, value 0. */
function erase(
  { height, width, top, left }: NonNullable<ViewParameters['erase']>,
  side: number,
  out_CHW: Float32Array,
  outOffset: number,
): void {
  // Never the whole length, as there; places are drawn among those where the rectangle lies inside.
  const rows = Math.min(side - 1, Math.round(height * side));
  const columns = Math.min(side - 1, Math.round(width * side));
  const firstRow = Math.floor(top * (side - rows + 1));
  const firstColumn = Math.floor(left * (side - columns + 1));
  for (let c = 0; c < 3; c += 1) {
    for (let row = firstRow; row < firstRow + rows; row += 1) {
      const start = outOffset + (c * side + row) * side + firstColumn;
      out_CHW.fill(0, start, start + columns);
    }
  }
}
