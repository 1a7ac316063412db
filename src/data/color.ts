import type { ChannelLine } from './resample.js';
import type { ViewParameters } from './view-parameters.js';

/** Grey = weights * RGB: ITU-R BT.601, with torchvision's digits (`rgb_to_grayscale`). */
const greyR = 0.2989;
const greyG = 0.587;
const greyB = 0.114;

/** Whether a view changes any color. */
export function changesColor(view: ViewParameters): boolean {
  return (
    view.brightness !== 1 ||
    view.contrast !== 1 ||
    view.saturation !== 1 ||
    view.hue !== 0 ||
    view.grayscale
  );
}

// The last shifted color. Module-level, so that shifting allocates nothing.
let shiftedR = 0;
let shiftedG = 0;
let shiftedB = 0;

/**
 * Brightness, contrast, saturation, hue and loss of color of values in 0..255, clamped after each of the first three as
 * torchvision does (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue and rgb_to_grayscale on float
 * images), then the line of the normalisation. Of `plane` values a channel, in place.
 */
export function adjustColor(
  view: ViewParameters,
  line: ChannelLine,
  plane: number,
  out_CHW: Float32Array,
  outOffset: number,
): void {
  const { brightness, contrast, saturation, hue, grayscale } = view;
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
    let r = clamp(contrast * red[i]! + meanPart);
    let g = clamp(contrast * green[i]! + meanPart);
    let b = clamp(contrast * blue[i]! + meanPart);
    const greyPart = partR * r + partG * g + partB * b;
    r = clamp(saturation * r + greyPart);
    g = clamp(saturation * g + greyPart);
    b = clamp(saturation * b + greyPart);
    if (hue !== 0) {
      shiftHue(r, g, b, hue);
      r = shiftedR;
      g = shiftedG;
      b = shiftedB;
    }
    if (grayscale) {
      r = greyR * r + greyG * g + greyB * b;
      g = r;
      b = r;
    }
    red[i] = r * gainR + biasR;
    green[i] = g * gainG + biasG;
    blue[i] = b * gainB + biasB;
  }
}

/**
 * Turns the hue by `turns` of the color circle, value and chroma kept: RGB -> HSV -> RGB (Smith, "Color gamut transform
 * pairs", SIGGRAPH 1978), with the formulas of torchvision's _rgb2hsv and _hsv2rgb. Leaves the color in `shifted`.
 */
function shiftHue(r: number, g: number, b: number, turns: number): void {
  const high = Math.max(r, g, b);
  const chroma = high - Math.min(r, g, b);
  shiftedR = r;
  shiftedG = g;
  shiftedB = b;
  if (chroma === 0) return;
  const sextant =
    high === r ? (g - b) / chroma : high === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma;
  const hue = (((sextant + 6 * turns) % 6) + 6) % 6;
  const edge = Math.floor(hue) % 6; // a sum just below 0 comes out as 6
  const part = hue - Math.floor(hue);
  const low = high - chroma;
  const falling = high - chroma * part;
  const rising = high - chroma * (1 - part);
  shiftedR = edge === 0 || edge === 5 ? high : edge === 1 ? falling : edge === 4 ? rising : low;
  shiftedG = edge === 1 || edge === 2 ? high : edge === 3 ? falling : edge === 0 ? rising : low;
  shiftedB = edge === 3 || edge === 4 ? high : edge === 5 ? falling : edge === 2 ? rising : low;
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
