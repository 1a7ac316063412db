import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import type { Rgb } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { enlarge } from './enlarge.js';
import { type ImageFormat, sniffFormat } from './image-format.js';
import type { DecodedImage } from './pixel-cache.js';
import { readFailure } from '../util/read-failure.js';

// Parallelism comes from decoding several images at once. One thread each, no cache and no hand-written SIMD: the
// bits depend on the file and the library's version alone (codecs keep their SIMD, which is exact by design).
sharp.concurrency(1);
sharp.cache(false);
sharp.simd(false);

/** Names everything of the decoder that can change a bit; part of cache keys. */
export const decoderVersion = [
  'decode-3',
  ...(
    ['sharp', 'vips', 'mozjpeg', 'png', 'webp', 'tiff', 'heif', 'aom', 'lcms', 'zlib-ng'] as const
  ).map((library) => `${library}-${versions()[library] ?? 'none'}`),
].join(' ');

/** Larger images are refused: 100 megapixels is 300 MB of RGB. */
export const maxMegapixels = 100;

/** The longer side is cut to this many times the shorter one, about the middle, before resizing. */
const maxAspect = 2;

export interface DecodeOptions {
  /** Length of the decoded image's shorter side, in pixels. */
  readonly workingSide: number;
  /** What transparent pixels are flattened on. */
  readonly background: Rgb;
}

/** The pixel cache's key of a file's decoded image. */
export function decodeKey(sha256: string, options: DecodeOptions): string {
  const { workingSide: side, background } = options;
  return createHash('sha256')
    .update(JSON.stringify(['pixels', decoderVersion, sha256, side, background]))
    .digest('hex');
}

/**
 * Decodes an image file: PNG, JPEG, WebP, TIFF (its first page), GIF (its first frame) or AVIF, with its EXIF orientation, any
 * color model, 8 or 16 bits, to 8-bit sRGB, flattened on the background, resized so that the shorter side is `workingSide`, as torchvision's
 * Resize: shrunk with antialiasing by libvips' linear kernel, enlarged by {@link enlarge}. Aspect is kept, except that an image longer than 2:1
 * is cut to that. Rejects with FT_DATA_BAD_FILE, whose `details.reason` says what is wrong with the file.
 */
export async function decodeImage(
  file: Buffer | string,
  options: DecodeOptions,
): Promise<DecodedImage> {
  return (await decodeWith(file, (opened) => decodeBytes(opened, options))).result;
}

/** An image as it is in its file, for looking at data. */
export interface WholeImage {
  readonly format: ImageFormat;
  /** In pixels, after the EXIF orientation. */
  readonly width: number;
  readonly height: number;
  /** RGBA, 8 bits each, sRGB, for comparing. */
  readonly pixels_HWC: Uint8Array;
}

/** Decodes a file at its own size, transparency kept. Rejects as {@link decodeImage} does, for the same files. */
export async function decodeWhole(bytes: Buffer): Promise<WholeImage> {
  const { format, result } = await decodeWith(bytes, async ({ image }) => {
    const { data, info } = await image
      .autoOrient()
      .ensureAlpha()
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return { width: info.width, height: info.height, pixels_HWC: new Uint8Array(data) };
  });
  return { format, ...result };
}

/** A file whose first bytes and header have been looked at. */
interface OpenedImage {
  readonly image: Sharp;
  readonly width: number;
  readonly height: number;
}

async function decodeWith<T>(
  file: Buffer | string,
  decode: (opened: OpenedImage) => Promise<T>,
): Promise<{ format: ImageFormat; result: T }> {
  const name = typeof file === 'string' ? file : 'image';
  let bytes: Buffer;
  try {
    bytes = typeof file === 'string' ? await readFile(file) : file;
  } catch (error) {
    throw badFile(name, readFailure(error), error);
  }
  const { format, refusal } = sniffFormat(bytes);
  if (refusal !== undefined) throw badFile(name, refusal);
  if (!isBuiltIn(format)) {
    throw badFile(
      name,
      `the image library on this machine (sharp ${versions()['sharp'] ?? ''}) is built without ${format}`,
    );
  }
  try {
    const image = sharp(bytes, { failOn: 'error', limitInputPixels: maxMegapixels * 1e6 });
    const { autoOrient, depth } = await image.metadata();
    // Others (32-bit and float TIFF) have no agreed range: they would come out black or white.
    if (depth !== 'uchar' && depth !== 'ushort') {
      throw badFile(name, `its values are of the type ${depth}; 8 and 16 bits are read`);
    }
    return { format, result: await decode({ image, ...autoOrient }) };
  } catch (error) {
    throw error instanceof FtctlError ? error : badFile(name, decodeFailure(error, format), error);
  }
}

/** Prebuilt sharp has all of them; one that is built against the system's libvips may not. */
function isBuiltIn(format: ImageFormat): boolean {
  const { jpeg, png, webp, tiff, gif, heif } = sharp.format;
  const loaders = { PNG: png, JPEG: jpeg, WebP: webp, TIFF: tiff, GIF: gif, AVIF: heif };
  return loaders[format].input.buffer;
}

async function decodeBytes(
  { image, width: fullWidth, height: fullHeight }: OpenedImage,
  options: DecodeOptions,
): Promise<DecodedImage> {
  const cut = cutToAspect(fullWidth, fullHeight);
  const [width, height] = resized(cut.width, cut.height, options.workingSide);
  const [r, g, b] = options.background;
  image.autoOrient();
  // Only where needed: libvips can't shrink while decoding what it has to cut first.
  if (cut.width < fullWidth || cut.height < fullHeight) image.extract(cut);
  image.flatten({ background: { r, g, b } }).toColourspace('srgb');
  if (width > cut.width || height > cut.height) {
    return enlarge(await rawPixels(image, cut.width, cut.height), width, height);
  }
  // Shrinking while a JPEG is decoded is left to libvips only as far as the kernel still halves the size at least.
  image.resize(width, height, { fit: 'fill', kernel: 'linear', fastShrinkOnLoad: false });
  return rawPixels(image, width, height);
}

async function rawPixels(image: Sharp, width: number, height: number): Promise<DecodedImage> {
  const { data, info } = await image.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  if (info.channels !== 3 || info.width !== width || info.height !== height) {
    throw new Error(`decoded to ${info.width} x ${info.height} x ${info.channels}`);
  }
  const pixels_HWC = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { width, height, pixels_HWC };
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

function decodeFailure(error: unknown, format: ImageFormat): string {
  const message = error instanceof Error ? error.message.trim() : String(error);
  if (message.includes('exceeds pixel limit')) {
    return `it has more than ${maxMegapixels} megapixels`;
  }
  const compression = /(\w+) compression support is not configured/.exec(message)?.[1];
  if (compression !== undefined)
    return `${format} with ${compression} compression is not supported`;
  // The last one: of a file that begins as its format does, libvips cannot read the header.
  const damage =
    /premature end|read error|unable to read|unable to parse|corrupt|invalid|not enough data|unexpected end|was not defined|unsupported image format/i;
  if (damage.test(message)) return 'it is truncated or corrupt';
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
