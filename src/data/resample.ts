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

/**
 * Samples `image` bilinearly at each pixel of a `side` x `side` output and writes it channel by channel (CHW) from
 * `outOffset` on. The source is taken to go on in the background color for ever. Where the map hits pixel centres,
 * their values come out exactly.
 */
export function resample(
  image: DecodedImage,
  map: AffineMap,
  background: Rgb,
  line: ChannelLine,
  side: number,
  out_CHW: Float32Array,
  outOffset: number,
): void {
  const { width, height, pixels_HWC: pixels } = image;
  const [gainR, gainG, gainB] = line.gain;
  const [biasR, biasG, biasB] = line.bias;
  const plane = side * side;
  const rowBytes = width * 3;
  const lastX = width - 1;
  const lastY = height - 1;
  const { xx, xy, x0, yx, yy, y0 } = map;
  const corner: [number, number, number] = [0, 0, 0];

  for (let y = 0; y < side; y += 1) {
    const rowX = xy * y + x0;
    const rowY = yy * y + y0;
    // The columns [from, to) whose four taps all lie inside. Each coordinate is monotone in x, rounding included,
    // so checking the two ends checks all between.
    let from = firstInside(xx, rowX, lastX, side, firstInside(yx, rowY, lastY, side, 0));
    let to = lastInside(xx, rowX, lastX, from, lastInside(yx, rowY, lastY, from, side));
    const inside = (x: number): boolean => {
      const sx = xx * x + rowX;
      const sy = yx * x + rowY;
      return sx >= 0 && sx < lastX && sy >= 0 && sy < lastY;
    };
    while (from < to && !inside(from)) from += 1;
    while (to > from && !inside(to - 1)) to -= 1;

    let out = outOffset + y * side;
    for (let x = 0; x < side; x += 1, out += 1) {
      const sx = xx * x + rowX;
      const sy = yx * x + rowY;
      if (x < from || x >= to) {
        sampleAtEdge(image, sx, sy, background, corner);
        out_CHW[out] = corner[0] * gainR + biasR;
        out_CHW[out + plane] = corner[1] * gainG + biasG;
        out_CHW[out + 2 * plane] = corner[2] * gainB + biasB;
        continue;
      }
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
      out_CHW[out] =
        (topLeft * pixels[a]! +
          topRight * pixels[a + 3]! +
          lowLeft * pixels[b]! +
          lowRight * pixels[b + 3]!) *
          gainR +
        biasR;
      out_CHW[out + plane] =
        (topLeft * pixels[a + 1]! +
          topRight * pixels[a + 4]! +
          lowLeft * pixels[b + 1]! +
          lowRight * pixels[b + 4]!) *
          gainG +
        biasG;
      out_CHW[out + 2 * plane] =
        (topLeft * pixels[a + 2]! +
          topRight * pixels[a + 5]! +
          lowLeft * pixels[b + 2]! +
          lowRight * pixels[b + 5]!) *
          gainB +
        biasB;
    }
  }
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

/** The same sample with each tap checked: what lies outside is background. */
function sampleAtEdge(
  image: DecodedImage,
  sx: number,
  sy: number,
  background: Rgb,
  sampled: [number, number, number],
): void {
  const { width, height, pixels_HWC: pixels } = image;
  const column = Math.floor(sx);
  const row = Math.floor(sy);
  const fx = sx - column;
  const fy = sy - row;
  const left = column >= 0 && column < width;
  const right = column >= -1 && column < width - 1;
  const upper = row >= 0 && row < height;
  const lower = row >= -1 && row < height - 1;
  const a = (row * width + column) * 3;
  const b = a + width * 3;
  for (let c = 0; c < 3; c += 1) {
    const fill = background[c]!;
    const topLeft = upper && left ? pixels[a + c]! : fill;
    const topRight = upper && right ? pixels[a + 3 + c]! : fill;
    const lowLeft = lower && left ? pixels[b + c]! : fill;
    const lowRight = lower && right ? pixels[b + 3 + c]! : fill;
    const weight = fx * fy;
    sampled[c] =
      (1 - fx - (fy - weight)) * topLeft +
      (fx - weight) * topRight +
      (fy - weight) * lowLeft +
      weight * lowRight;
  }
}
