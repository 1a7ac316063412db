import type { Rgb } from '../config/run-spec.js';
import type { DecodedImage } from './pixel-cache.js';

/**
 * Maps output pixel (x, y) to a place in the source, in source pixels: sourceX = xx * x + xy * y + x0 and
 * sourceY = yx * x + yy * y + y0. Whole numbers are pixel centres.
 */
export interface AffineMap {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

/** What is written for a sampled value v (0..255) of channel c: v * gain[c] + bias[c]. */
export interface ChannelLine {
  readonly gain: Rgb;
  readonly bias: Rgb;
}

/** The line that changes nothing. */
export const asIs: ChannelLine = { gain: [1, 1, 1], bias: [0, 0, 0] };

/** What the source is taken to be beyond its pixels. */
export interface Surroundings {
  /** The color that it goes on in for ever. */
  readonly background: Rgb;
  /** What is between the centre and the outer edge of the outermost pixels: already background in part, or the pixel. */
  readonly edge: 'background' | 'pixel';
}

/** Where the samples go: three planes of `plane` values each, from `offset` on. */
interface Output {
  readonly values_CHW: Float32Array;
  readonly plane: number;
  readonly line: ChannelLine;
}

/**
 * Samples `image` bilinearly at each pixel of a `side` x `side` output and writes it channel by channel (CHW) from
 * `outOffset` on. Where the map hits pixel centres, their values come out exactly.
 */
export function resample(
  image: DecodedImage,
  map: AffineMap,
  surroundings: Surroundings,
  line: ChannelLine,
  side: number,
  out_CHW: Float32Array,
  outOffset: number,
): void {
  const lastX = image.width - 1;
  const lastY = image.height - 1;
  const { xx, xy, x0, yx, yy, y0 } = map;
  const output: Output = { values_CHW: out_CHW, plane: side * side, line };

  for (let y = 0; y < side; y += 1) {
    const rowX = xy * y + x0;
    const rowY = yy * y + y0;
    // The columns [from, to) whose four taps all lie inside. Each coordinate is monotone in x, rounding included,
    // so checking the two ends checks all between.
    let from = firstInside(xx, rowX, lastX, side, firstInside(yx, rowY, lastY, side, 0));
    let to = lastInside(xx, rowX, lastX, from, lastInside(yx, rowY, lastY, from, side));
    while (from < to && !isInside(xx * from + rowX, yx * from + rowY, lastX, lastY)) from += 1;
    while (to > from && !isInside(xx * (to - 1) + rowX, yx * (to - 1) + rowY, lastX, lastY))
      to -= 1;

    const out = outOffset + y * side;
    sampleEdge(image, xx, rowX, yx, rowY, 0, from, surroundings, output, out);
    sampleInside(image.pixels_HWC, image.width * 3, xx, rowX, yx, rowY, from, to, output, out);
    sampleEdge(image, xx, rowX, yx, rowY, to, side, surroundings, output, out);
  }
}

function isInside(sx: number, sy: number, lastX: number, lastY: number): boolean {
  return sx >= 0 && sx < lastX && sy >= 0 && sy < lastY;
}

/** A row's columns [from, to), of which all taps are known to lie inside: the loop that takes the time. */
function sampleInside(
  pixels: Uint8Array,
  rowBytes: number,
  xx: number,
  rowX: number,
  yx: number,
  rowY: number,
  from: number,
  to: number,
  { values_CHW: values, plane, line }: Output,
  out: number,
): void {
  const [gainR, gainG, gainB] = line.gain;
  const [biasR, biasG, biasB] = line.bias;
  for (let x = from; x < to; x += 1) {
    const sx = xx * x + rowX;
    const sy = yx * x + rowY;
    const column = sx | 0;
    const row = sy | 0;
    const fx = sx - column;
    const fy = sy - row;
    // Weights of the four taps; at a pixel's centre they are 1, 0, 0, 0 and its value comes out exactly.
    const lowRight = fx * fy;
    const lowLeft = fy - lowRight;
    const topRight = fx - lowRight;
    const topLeft = 1 - fx - lowLeft;
    const a = (row * rowBytes + column * 3) | 0;
    const b = (a + rowBytes) | 0;
    const i = (out + x) | 0;
    values[i] =
      (topLeft * pixels[a]! +
        topRight * pixels[a + 3]! +
        lowLeft * pixels[b]! +
        lowRight * pixels[b + 3]!) *
        gainR +
      biasR;
    values[i + plane] =
      (topLeft * pixels[a + 1]! +
        topRight * pixels[a + 4]! +
        lowLeft * pixels[b + 1]! +
        lowRight * pixels[b + 4]!) *
        gainG +
      biasG;
    values[i + 2 * plane] =
      (topLeft * pixels[a + 2]! +
        topRight * pixels[a + 5]! +
        lowLeft * pixels[b + 2]! +
        lowRight * pixels[b + 5]!) *
        gainB +
      biasB;
  }
}

/** The same with each tap checked: what lies outside is background. */
function sampleEdge(
  image: DecodedImage,
  xx: number,
  rowX: number,
  yx: number,
  rowY: number,
  from: number,
  to: number,
  { background, edge }: Surroundings,
  { values_CHW: values, plane, line }: Output,
  out: number,
): void {
  const { width, height, pixels_HWC: pixels } = image;
  const rim = edge === 'pixel' ? 0.5 : 0;
  for (let x = from; x < to; x += 1) {
    const sx = ontoPixel(xx * x + rowX, width - 1, rim);
    const sy = ontoPixel(yx * x + rowY, height - 1, rim);
    const column = Math.floor(sx);
    const row = Math.floor(sy);
    const fx = sx - column;
    const fy = sy - row;
    const lowRight = fx * fy;
    const lowLeft = fy - lowRight;
    const topRight = fx - lowRight;
    const topLeft = 1 - fx - lowLeft;
    const left = column >= 0 && column < width;
    const right = column >= -1 && column < width - 1;
    const upper = row >= 0 && row < height;
    const lower = row >= -1 && row < height - 1;
    const a = (row * width + column) * 3;
    const b = a + width * 3;
    for (let c = 0; c < 3; c += 1) {
      const fill = background[c]!;
      values[out + x + c * plane] =
        (topLeft * (upper && left ? pixels[a + c]! : fill) +
          topRight * (upper && right ? pixels[a + 3 + c]! : fill) +
          lowLeft * (lower && left ? pixels[b + c]! : fill) +
          lowRight * (lower && right ? pixels[b + 3 + c]! : fill)) *
          line.gain[c]! +
        line.bias[c]!;
    }
  }
}

/** What is up to `rim` beyond the first or last centre, moved onto it. */
function ontoPixel(place: number, last: number, rim: number): number {
  if (place < 0) return place >= -rim ? 0 : place;
  return place > last && place <= last + rim ? last : place;
}

/** About the first column from `from` on where 0 <= slope * x + start < last; `side` if there is none. */
function firstInside(
  slope: number,
  start: number,
  last: number,
  side: number,
  from: number,
): number {
  if (slope === 0) return start >= 0 && start < last ? from : side;
  const bound = slope > 0 ? -start / slope : (last - start) / slope;
  return Math.min(side, Math.max(from, Math.floor(bound)));
}

/** About one past the last such column, at most `to` and at least `from`. */
function lastInside(slope: number, start: number, last: number, from: number, to: number): number {
  if (slope === 0) return to;
  const bound = slope > 0 ? (last - start) / slope : -start / slope;
  return Math.max(from, Math.min(to, Math.ceil(bound) + 1));
}
