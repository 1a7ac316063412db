import type { DecodedImage } from './pixel-cache.js';

/** Fractional bits of the weights, as Pillow has them. */
const weightBits = 22;

/** The two pixels that an output pixel lies between, and their weights, which sum to about 2^22. */
interface Taps {
  readonly first: Int32Array;
  readonly second: Int32Array;
  readonly firstWeight: Int32Array;
  readonly secondWeight: Int32Array;
}

/**
 * Enlarges an image bilinearly, as Pillow does (`Image.resize` with BILINEAR; src/libImaging/Resample.c, `precompute_coeffs`
 * and `ImagingResampleHorizontal_8bpc`), bit for bit: pixel centres are at halves, rows first, each pass rounded to 8 bits.
 * libvips, which does all shrinking, moves what it enlarges by half a pixel.
 */
export function enlarge(image: DecodedImage, width: number, height: number): DecodedImage {
  const wide = enlargeRows(image, width);
  return enlargeColumns(wide, height);
}

function tapsOf(from: number, to: number): Taps {
  const taps = {
    first: new Int32Array(to),
    second: new Int32Array(to),
    firstWeight: new Int32Array(to),
    secondWeight: new Int32Array(to),
  };
  for (let i = 0; i < to; i += 1) {
    const center = ((i + 0.5) * from) / to;
    const low = Math.max(0, Math.trunc(center - 1 + 0.5));
    const high = Math.min(from, Math.trunc(center + 1 + 0.5));
    const weights = Array.from({ length: high - low }, (_, k) =>
      Math.max(0, 1 - Math.abs(k + low - center + 0.5)),
    );
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const fixed = weights.map((weight) => Math.trunc(0.5 + (weight / total) * 2 ** weightBits));
    // The triangle covers two centres at most; a third is at its very edge, with weight 0.
    const start = fixed.findIndex((weight) => weight > 0);
    taps.first[i] = low + start;
    taps.second[i] = Math.min(low + start + 1, from - 1);
    taps.firstWeight[i] = fixed[start]!;
    taps.secondWeight[i] = fixed[start + 1] ?? 0;
  }
  return taps;
}

const half = 2 ** (weightBits - 1);

function mixed(a: number, b: number, aWeight: number, bWeight: number): number {
  // Below 2^31: 255 * 2^22 and a half.
  return Math.min(255, (half + a * aWeight + b * bWeight) >> weightBits);
}

function enlargeRows({ width, height, pixels_HWC }: DecodedImage, to: number): DecodedImage {
  if (to === width) return { width, height, pixels_HWC };
  const { first, second, firstWeight, secondWeight } = tapsOf(width, to);
  const out = new Uint8Array(to * height * 3);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < to; x += 1) {
      const a = (y * width + first[x]!) * 3;
      const b = (y * width + second[x]!) * 3;
      const at = (y * to + x) * 3;
      for (let c = 0; c < 3; c += 1) {
        const [left, right] = [pixels_HWC[a + c]!, pixels_HWC[b + c]!];
        out[at + c] = mixed(left, right, firstWeight[x]!, secondWeight[x]!);
      }
    }
  }
  return { width: to, height, pixels_HWC: out };
}

function enlargeColumns({ width, height, pixels_HWC }: DecodedImage, to: number): DecodedImage {
  if (to === height) return { width, height, pixels_HWC };
  const { first, second, firstWeight, secondWeight } = tapsOf(height, to);
  const rowLength = width * 3;
  const out = new Uint8Array(to * rowLength);
  for (let y = 0; y < to; y += 1) {
    const a = first[y]! * rowLength;
    const b = second[y]! * rowLength;
    for (let i = 0; i < rowLength; i += 1) {
      const [above, below] = [pixels_HWC[a + i]!, pixels_HWC[b + i]!];
      out[y * rowLength + i] = mixed(above, below, firstWeight[y]!, secondWeight[y]!);
    }
  }
  return { width, height: to, pixels_HWC: out };
}
