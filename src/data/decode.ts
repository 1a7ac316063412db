import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import type { AugmentSpec, Rgb } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import type { DecodedImage } from './pixel-cache.js';
import { readFailure } from '../util/read-failure.js';

// Parallelism comes from decoding several images at once. One thread each, no cache and no hand-written SIMD: the
// bits depend on the file and the library's version alone (codecs keep their SIMD, which is exact by design).
sharp.concurrency(1);
sharp.cache(false);
sharp.simd(false);

/** Names everything of the decoder that can change a bit; part of cache keys. */
export const decoderVersion = [
  'decode-1',
  ...(['sharp', 'vips', 'mozjpeg', 'png', 'webp', 'lcms', 'zlib-ng'] as const).map(
    (library) => `${library}-${versions()[library] ?? 'none'}`,
  ),
].join(' ');

/** Larger images are refused: 100 megapixels is 300 MB of RGB. */
export const maxMegapixels = 100;

/** The longer side is cut to this many times the shorter one, about the middle, before resizing. */
const maxAspect = 2;

/** The most that the augmentation pass may shrink by: at 2, its four taps still see every pixel. */
const maxShrink = 2;

export interface DecodeOptions {
  /** Length of the decoded image's shorter side, in pixels. */
  readonly workingSide: number;
  /** What transparent pixels are flattened on. */
  readonly background: Rgb;
}

/**
 * The shorter side of decoded images: the network's input side itself. So the plain view is a crop of decoded pixels
 * with nothing resampled twice, and does not depend on how training images are augmented: `predict`, which knows
 * only the preprocessing, sees the same pixels. The augmentation pass shrinks by 1 / scale at most, which may not be
 * over 2 (aliasing): rejects a smaller scale with FT_DATA_AUGMENT_RANGE.
 */
export function workingSide(imageSize: number, augment: Pick<AugmentSpec, 'scale'>): number {
  if (augment.scale[0] * maxShrink < 1) {
    throw new FtctlError('FT_DATA_AUGMENT_RANGE', {
      what: `data.augment.scale starts at ${augment.scale[0]}.`,
      why: `Images may be shrunk to ${1 / maxShrink} at least.`,
    });
  }
  return imageSize;
}

/** The pixel cache's key of a file's decoded image. */
export function decodeKey(sha256: string, options: DecodeOptions): string {
  const { workingSide: side, background } = options;
  return createHash('sha256')
    .update(JSON.stringify(['pixels', decoderVersion, sha256, side, background]))
    .digest('hex');
}

/**
 * Decodes an image file: PNG, JPEG (with its EXIF orientation) or WebP (its first frame), any color model, to 8-bit
 * sRGB, flattened on the background, resized with antialiasing (libvips' linear kernel, as torchvision's Resize)
 * so that the shorter side is `workingSide`. Aspect is kept, except that an image longer than 2:1 is cut to that.
 * Rejects with FT_DATA_BAD_FILE, whose `details.reason` says what is wrong with the file.
 */
export async function decodeImage(
  file: Buffer | string,
  options: DecodeOptions,
): Promise<DecodedImage> {
  const name = typeof file === 'string' ? file : 'image';
  let bytes: Buffer;
  try {
    bytes = typeof file === 'string' ? await readFile(file) : file;
  } catch (error) {
    throw badFile(name, readFailure(error), error);
  }
  const refusal = refuseFormat(bytes);
  if (refusal !== null) throw badFile(name, refusal);
  try {
    return await decodeBytes(bytes, options);
  } catch (error) {
    throw badFile(name, decodeFailure(error), error);
  }
}

async function decodeBytes(bytes: Buffer, options: DecodeOptions): Promise<DecodedImage> {
  const image = sharp(bytes, { failOn: 'error', limitInputPixels: maxMegapixels * 1e6 });
  const { autoOrient } = await image.metadata();
  const cut = cutToAspect(autoOrient.width, autoOrient.height);
  const [width, height] = resized(cut.width, cut.height, options.workingSide);
  const [r, g, b] = options.background;
  image.autoOrient();
  // Only where needed: libvips can't shrink while decoding what it has to cut first.
  if (cut.width < autoOrient.width || cut.height < autoOrient.height) image.extract(cut);
  const { data, info } = await image
    .flatten({ background: { r, g, b } })
    .toColourspace('srgb')
    // Shrinking while a JPEG is decoded is left to libvips only as far as the kernel still halves the size at least.
    .resize(width, height, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false })
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3 || info.width !== width || info.height !== height) {
    throw new Error(`decoded to ${info.width} x ${info.height} x ${info.channels}`);
  }
  return {
    width,
    height,
    pixels_HWC: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function cutToAspect(
  width: number,
  height: number,
): { left: number; top: number; width: number; height: number } {
  const cutWidth = Math.min(width, maxAspect * height);
  const cutHeight = Math.min(height, maxAspect * width);
  return {
    left: Math.floor((width - cutWidth) / 2),
    top: Math.floor((height - cutHeight) / 2),
    width: cutWidth,
    height: cutHeight,
  };
}

/** torchvision's Resize(side): the longer side is truncated to whole pixels. */
function resized(width: number, height: number, side: number): [number, number] {
  return width <= height
    ? [side, Math.trunc((side * height) / width)]
    : [Math.trunc((side * width) / height), side];
}

/** Known well enough to be named when they are refused. */
const otherFormats = [
  { signature: 'GIF8', name: 'GIF' },
  { signature: 'BM', name: 'BMP' },
  { signature: 'II*\0', name: 'TIFF' },
  { signature: 'MM\0*', name: 'TIFF' },
  { signature: '<svg', name: 'SVG' },
  { signature: '%PDF', name: 'PDF' },
];

/** By the file's first bytes, so that libvips' many other loaders never see a byte that users gave us. */
function refuseFormat(bytes: Buffer): string | null {
  if (bytes.length === 0) return 'the file is empty';
  const starts = (signature: string, at = 0): boolean =>
    bytes.toString('latin1', at, at + signature.length) === signature;
  if (starts('\x89PNG\r\n\x1a\n') || starts('\xff\xd8\xff')) return null;
  if (starts('RIFF') && starts('WEBP', 8)) return null;
  const other = otherFormats.find(({ signature }) => starts(signature))?.name;
  if (other !== undefined) return `${other} is not supported (PNG, JPEG and WebP are)`;
  if (starts('ftyp', 4)) return 'HEIF and AVIF are not supported (PNG, JPEG and WebP are)';
  return 'it is no PNG, JPEG or WebP image';
}

function decodeFailure(error: unknown): string {
  const message = error instanceof Error ? error.message.trim() : String(error);
  if (message.includes('exceeds pixel limit')) {
    return `it has more than ${maxMegapixels} megapixels`;
  }
  if (/premature end|read error|unable to read|unable to parse|corrupt header/.test(message)) {
    return 'it is truncated or corrupt';
  }
  return `it cannot be decoded (${message.split('\n', 1)[0]!})`;
}

function badFile(name: string, reason: string, cause?: unknown): FtctlError {
  return new FtctlError('FT_DATA_BAD_FILE', {
    what: `${name} cannot be used: ${reason}.`,
    cause,
    details: { path: name, reason },
  });
}

function versions(): Partial<Record<string, string>> {
  return sharp.versions;
}
