import type { DecodedImage } from './pixel-cache.js';
import type { AffineMap } from './resample.js';

/** What is drawn for torchvision's RandomResizedCrop before the image's size is known. */
export interface ResizedCropDraws {
  /** Area as a fraction of the image's, and width / height; the first that fits into the image is used. */
  readonly tries: readonly (readonly [area: number, ratio: number])[];
  /** The range of ratios, for the crop about the middle that is used when none fits. */
  readonly ratio: readonly [low: number, high: number];
  /** Where the rectangle is among all places inside of the image, in [0, 1). */
  readonly left: number;
  readonly top: number;
}

/** In pixels of the image, not rounded. */
export interface Rectangle {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * The rectangle of an image of this size: torchvision's RandomResizedCrop.get_params, but not rounded to whole pixels, so that
 * it does not depend on the size that the image was decoded at.
 */
export function resizedCropOf(draws: ResizedCropDraws, width: number, height: number): Rectangle {
  const fitting = draws.tries
    .map(([area, ratio]) => ({
      width: Math.sqrt(area * width * height * ratio),
      height: Math.sqrt((area * width * height) / ratio),
    }))
    .find((rectangle) => rectangle.width <= width && rectangle.height <= height);
  if (fitting === undefined) return middleOf(draws.ratio, width, height);
  return {
    ...fitting,
    left: draws.left * (width - fitting.width),
    top: draws.top * (height - fitting.height),
  };
}

/** The largest rectangle about the middle whose ratio is allowed. */
function middleOf(
  [low, high]: readonly [number, number],
  width: number,
  height: number,
): Rectangle {
  const cutWidth = Math.min(width, height * high);
  const cutHeight = Math.min(height, width / low);
  return {
    width: cutWidth,
    height: cutHeight,
    left: (width - cutWidth) / 2,
    top: (height - cutHeight) / 2,
  };
}

/** Bilinear sampling sees every pixel only where the map steps over two at most; the tolerance is for rounding. */
const maxStep = 2 + 1e-6;

/** The image, and the map into it, halved (means of 2 x 2 pixels) until no step of the map is over two pixels. */
export function shrunk(
  image: DecodedImage,
  map: AffineMap,
): { readonly image: DecodedImage; readonly map: AffineMap } {
  const step = Math.max(Math.hypot(map.xx, map.yx), Math.hypot(map.xy, map.yy));
  if (step <= maxStep || image.width < 2 || image.height < 2) return { image, map };
  // Pixel i of the half covers pixels 2i and 2i + 1, whose common middle is at 2i + 0.5.
  const half: AffineMap = {
    xx: map.xx / 2,
    xy: map.xy / 2,
    x0: (map.x0 - 0.5) / 2,
    yx: map.yx / 2,
    yy: map.yy / 2,
    y0: (map.y0 - 0.5) / 2,
  };
  return shrunk(halved(image), half);
}

/** Means of 2 x 2 pixels, rounded; a last odd row or column is dropped. */
function halved(image: DecodedImage): DecodedImage {
  const width = image.width >> 1;
  const height = image.height >> 1;
  const { pixels_HWC: from } = image;
  const pixels_HWC = new Uint8Array(width * height * 3);
  const rowBytes = image.width * 3;
  let to = 0;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const a = 2 * y * rowBytes + 6 * x;
      const b = a + rowBytes;
      for (let c = 0; c < 3; c += 1) {
        pixels_HWC[to++] =
          (from[a + c]! + from[a + 3 + c]! + from[b + c]! + from[b + 3 + c]! + 2) >> 2;
      }
    }
  }
  return { width, height, pixels_HWC };
}
