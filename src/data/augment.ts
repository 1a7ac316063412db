import type { Rgb } from '../config/run-spec.js';
import type { DecodedImage } from './pixel-cache.js';
import type { Preprocessing } from './preprocessing.js';
import { type AffineMap, type ChannelLine, resample } from './resample.js';
import type { ViewParameters } from './view-parameters.js';

export { type ViewParameters, viewParameters } from './view-parameters.js';

/** Part of every cache key of what was made here: changes whenever a bit of {@link renderView}'s output can. */
export const augmentVersion = 'augment-1';

/** Grey = weights * RGB: ITU-R BT.601, with torchvision's digits (`rgb_to_grayscale`). */
const greyR = 0.2989;
const greyG = 0.587;
const greyB = 0.114;

/**
 * Renders a view of a decoded image: one bilinear pass for all geometry, then color, then normalisation. Writes
 * `imageSize` x `imageSize` float32 values a channel (CHW) from `outOffset` on.
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
  const map = inverseMap(image, view, side);
  const normalise = normaliseLine(preprocessing);
  const hasColor = view.brightness !== 1 || view.contrast !== 1 || view.saturation !== 1;
  resample(image, map, background, hasColor ? asIs : normalise, side, out_CHW, outOffset);
  if (hasColor) adjustColor(view, normalise, side * side, out_CHW, outOffset);
}

const asIs: ChannelLine = { gain: [1, 1, 1], bias: [0, 0, 0] };

function normaliseLine({ mean, std }: Preprocessing): ChannelLine {
  const perChannel = (value: (c: 0 | 1 | 2) => number): Rgb => [value(0), value(1), value(2)];
  return {
    gain: perChannel((c) => 1 / (255 * std[c])),
    bias: perChannel((c) => 0 - mean[c] / std[c]),
  };
}

/** From output pixels back to decoded pixels: undo flips, crop, translation, then rotation and scale. */
function inverseMap(image: DecodedImage, view: ViewParameters, side: number): AffineMap {
  const [cos, sin] = cosSin(view.rotateDegrees);
  const stretchX = ((view.flipHorizontal ? -1 : 1) * view.cropSide) / view.scale;
  const stretchY = ((view.flipVertical ? -1 : 1) * view.cropSide) / view.scale;
  const xx = cos * stretchX;
  const xy = -sin * stretchY;
  const yx = sin * stretchX;
  const yy = cos * stretchY;
  // Middle of the output: where it lies from the middle of the centre crop, before rotation and scale are undone.
  const shiftX = (side * (view.cropX - view.translateX)) / view.scale;
  const shiftY = (side * (view.cropY - view.translateY)) / view.scale;
  const middle = (side - 1) / 2;
  return {
    xx,
    xy,
    x0: cos * shiftX - sin * shiftY + cropStart(image.width, side) + middle - (xx + xy) * middle,
    yx,
    yy,
    y0: sin * shiftX + cos * shiftY + cropStart(image.height, side) + middle - (yx + yy) * middle,
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

/**
 * Brightness, contrast and saturation of values in 0..255, clamped after each as torchvision does
 * (adjust_brightness, adjust_contrast, adjust_saturation on float images), then the line of the normalisation.
 */
function adjustColor(
  view: ViewParameters,
  line: ChannelLine,
  plane: number,
  out_CHW: Float32Array,
  outOffset: number,
): void {
  const { brightness, contrast, saturation } = view;
  const [gainR, gainG, gainB] = line.gain;
  const [biasR, biasG, biasB] = line.bias;
  const red = out_CHW.subarray(outOffset, outOffset + plane);
  const green = out_CHW.subarray(outOffset + plane, outOffset + 2 * plane);
  const blue = out_CHW.subarray(outOffset + 2 * plane, outOffset + 3 * plane);

  let greySum = 0;
  for (let i = 0; i < plane; i += 1) {
    const r = clamp(red[i]! * brightness);
    const g = clamp(green[i]! * brightness);
    const b = clamp(blue[i]! * brightness);
    greySum += greyR * r + greyG * g + greyB * b;
    red[i] = r;
    green[i] = g;
    blue[i] = b;
  }
  const meanPart = (1 - contrast) * (greySum / plane);
  const partR = (1 - saturation) * greyR;
  const partG = (1 - saturation) * greyG;
  const partB = (1 - saturation) * greyB;
  for (let i = 0; i < plane; i += 1) {
    const r = clamp(contrast * red[i]! + meanPart);
    const g = clamp(contrast * green[i]! + meanPart);
    const b = clamp(contrast * blue[i]! + meanPart);
    const greyPart = partR * r + partG * g + partB * b;
    red[i] = clamp(saturation * r + greyPart) * gainR + biasR;
    green[i] = clamp(saturation * g + greyPart) * gainG + biasG;
    blue[i] = clamp(saturation * b + greyPart) * gainB + biasB;
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
