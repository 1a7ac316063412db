/** Formats that are decoded, by the names that messages and `data inspect` use. */
export const imageFormats = ['PNG', 'JPEG', 'WebP', 'TIFF', 'GIF', 'AVIF'] as const;
export type ImageFormat = (typeof imageFormats)[number];

/** What a file is by its first bytes: a format that is decoded, or why it cannot be. */
export type SniffedFormat =
  | { readonly format: ImageFormat; readonly refusal?: undefined }
  | { readonly format?: undefined; readonly refusal: string };

const formatsWith = (word: 'and' | 'or'): string =>
  `${imageFormats.slice(0, -1).join(', ')} ${word} ${imageFormats.at(-1)!}`;

/** "PNG, JPEG, WebP, TIFF, GIF and AVIF". */
export const formatList = formatsWith('and');

const signatures: readonly (readonly [ImageFormat, string])[] = [
  ['PNG', '\x89PNG\r\n\x1a\n'],
  ['JPEG', '\xff\xd8\xff'],
  ['GIF', 'GIF87a'],
  ['GIF', 'GIF89a'],
  ['TIFF', 'II*\0'],
  ['TIFF', 'MM\0*'],
  // BigTIFF, with 64-bit offsets.
  ['TIFF', 'II+\0'],
  ['TIFF', 'MM\0+'],
];

/** Known well enough to be named when they are refused. */
const others = [
  ['BM', 'BMP'],
  ['<svg', 'SVG'],
  ['%PDF', 'PDF'],
  ['8BPS', 'Photoshop'],
  ['\xff\x0a', 'JPEG XL'],
  ['\0\0\0\x0cJXL ', 'JPEG XL'],
  ['\0\0\0\x0cjP  ', 'JPEG 2000'],
] as const;

/** Tells by the first bytes, so that the decoder library's many other loaders never see a byte that users gave us. */
export function sniffFormat(bytes: Buffer): SniffedFormat {
  if (bytes.length === 0) return { refusal: 'the file is empty' };
  const starts = (signature: string, at = 0): boolean =>
    bytes.toString('latin1', at, at + signature.length) === signature;
  const found = signatures.find(([, signature]) => starts(signature));
  if (found !== undefined) return { format: found[0] };
  if (starts('RIFF') && starts('WEBP', 8)) return { format: 'WebP' };
  if (starts('ftyp', 4)) return sniffBrands(bytes);
  const other = others.find(([signature]) => starts(signature))?.[1];
  if (other !== undefined) return { refusal: notSupported(other) };
  return { refusal: `it is no ${formatsWith('or')} image` };
}

/** ISO base media files: size, `ftyp`, major brand, version, compatible brands (ISO/IEC 14496-12, 4.3). */
function sniffBrands(bytes: Buffer): SniffedFormat {
  const end = Math.min(bytes.length, bytes.readUInt32BE(0), 256);
  const brands: string[] = [];
  for (let at = 8; at + 4 <= end; at += 4) {
    if (at !== 12) brands.push(bytes.toString('latin1', at, at + 4)); // 12: the version
  }
  if (brands.some((brand) => brand === 'avif' || brand === 'avis')) return { format: 'AVIF' };
  const isHeic = brands.some((brand) => /^(hei[cxms]|hev[cxms]|mif1)$/.test(brand));
  return { refusal: isHeic ? notSupported('HEIC') : 'it is a video or another media file' };
}

function notSupported(name: string): string {
  return `${name} is not supported (${formatList} are)`;
}
