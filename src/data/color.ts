import { asIs, type ChannelLine } from './resample.js';
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
  const red = out_CHW.subarray(outOffset, outOffset + plane);
  const green = out_CHW.subarray(outOffset + plane, outOffset + 2 * plane);
  const blue = out_CHW.subarray(outOffset + 2 * plane, outOffset + 3 * plane);
  if (view.hue === 0 && !view.grayscale) {
    jitter(view, line, red, green, blue);
    return;
  }
  jitter(view, asIs, red, green, blue);
  if (view.hue !== 0) shiftHue(red, green, blue, view.hue);
  if (view.grayscale) turnGrey(red, green, blue);
  normalise(line, red, green, blue);
}

function jitter(
  { brightness, contrast, saturation }: ViewParameters,
  line: ChannelLine,
  red: Float32Array,
  green: Float32Array,
  blue: Float32Array,
): void {
  const [gainR, gainG, gainB] = line.gain;
  const [biasR, biasG, biasB] = line.bias;
  const plane = red.length;
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

/**
 * Turns the hue by `turns` of the color circle, in [-0.5, 0.5], value and chroma kept: RGB -> HSV -> RGB (Smith, "Color gamut
 * transform pairs", SIGGRAPH 1978), with the formulas of torchvision's _rgb2hsv and _hsv2rgb. In place.
 */
function shiftHue(red: Float32Array, green: Float32Array, blue: Float32Array, turns: number): void {
  const sextants = 6 * turns;
  for (let i = 0; i < red.length; i += 1) {
    const r = red[i]!;
    const g = green[i]!;
    const b = blue[i]!;
    const high = r > g ? (r > b ? r : b) : g > b ? g : b;
    const low = r < g ? (r < b ? r : b) : g < b ? g : b;
    const chroma = high - low;
    if (chroma === 0) continue;
    // In [-1, 5], then shifted by 3 at most: one step of 6 brings it into [0, 6).
    let hue =
      sextants +
      (high === r ? (g - b) / chroma : high === g ? 2 + (b - r) / chroma : 4 + (r - g) / chroma);
    if (hue < 0) hue += 6;
    if (hue >= 6) hue -= 6;
    const edge = hue | 0;
    const part = hue - edge;
    const falling = high - chroma * part;
    const rising = high - chroma * (1 - part);
    red[i] = edge === 0 || edge === 5 ? high : edge === 1 ? falling : edge === 4 ? rising : low;
    green[i] = edge === 1 || edge === 2 ? high : edge === 3 ? falling : edge === 0 ? rising : low;
    blue[i] = edge === 3 || edge === 4 ? high : edge === 5 ? falling : edge === 2 ? rising : low;
  }
}

/** Takes the color away. In place. */
function turnGrey(red: Float32Array, green: Float32Array, blue: Float32Array): void {
  for (let i = 0; i < red.length; i += 1) {
    const grey = greyR * red[i]! + greyG * green[i]! + greyB * blue[i]!;
    red[i] = grey;
    green[i] = grey;
    blue[i] = grey;
  }
}

function normalise(
  line: ChannelLine,
  red: Float32Array,
  green: Float32Array,
  blue: Float32Array,
): void {
  for (const [c, plane] of [red, green, blue].entries()) {
    const gain = line.gain[c]!;
    const bias = line.bias[c]!;
    for (let i = 0; i < plane.length; i += 1) plane[i] = plane[i]! * gain + bias;
  }
}

function clamp(value: number): number {
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
