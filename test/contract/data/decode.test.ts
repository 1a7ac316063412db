import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage, decodeKey, decoderVersion } from '../../../src/data/decode.js';
import { workingSide } from '../../../src/data/working-side.js';
import { FtctlError } from '../../../src/errors/index.js';

const white = { workingSide: 4, background: [255, 255, 255] } as const;

const solid = (width: number, height: number, background: string): Sharp =>
  sharp({ create: { width, height, channels: 4, background } }).removeAlpha();

/** Left half red, right half blue, 8 x 4; on top of `alpha` where it is given. */
const halves = (channels: 3 | 4 = 3): Sharp =>
  sharp(
    Buffer.from(
      Array.from({ length: 32 }, (_, i) => (i % 8 < 4 ? [255, 0, 0, 255] : [0, 0, 255, 0])).flatMap(
        (pixel) => pixel.slice(0, channels),
      ),
    ),
    { raw: { width: 8, height: 4, channels } },
  );

/** 2 x 2 values of 32-bit float: the header, one directory of ten entries (TIFF 6.0, section 2), the values. */
function floatTiff(): Buffer {
  const entries = [
    [256, 2], // width
    [257, 2], // height
    [258, 32], // bits
    [259, 1], // not compressed
    [262, 1], // 0 is black
    [273, 8 + 2 + 10 * 12 + 4], // where the values are
    [277, 1], // channels
    [278, 2], // rows in the strip
    [279, 16], // bytes in the strip
    [339, 3], // floating point
  ] as const;
  const file = Buffer.alloc(8 + 2 + 10 * 12 + 4 + 16);
  file.write('II*\0\x08', 'latin1');
  file.writeUInt16LE(entries.length, 8);
  entries.forEach(([tag, value], i) => {
    const at = 10 + 12 * i;
    file.writeUInt16LE(tag, at);
    file.writeUInt16LE(4, at + 2); // a 32-bit number
    file.writeUInt32LE(1, at + 4);
    file.writeUInt32LE(value, at + 8);
  });
  for (let i = 0; i < 4; i += 1) file.writeFloatLE(0.25 * i, file.length - 16 + 4 * i);
  return file;
}

async function pixelAt(
  file: Buffer,
  x: number,
  y: number,
  options: Parameters<typeof decodeImage>[1] = white,
): Promise<number[]> {
  const { width, pixels_HWC } = await decodeImage(file, options);
  return [...pixels_HWC.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

describe('decodeImage', () => {
  it('reads PNG and lossless WebP to the exact pixels at their own size', async () => {
    for (const file of [
      await halves().png().toBuffer(),
      await halves().webp({ lossless: true }).toBuffer(),
    ]) {
      expect(await decodeImage(file, white)).toMatchObject({ width: 8, height: 4 });
      expect(await pixelAt(file, 3, 2)).toEqual([255, 0, 0]);
      expect(await pixelAt(file, 4, 2)).toEqual([0, 0, 255]);
    }
  });

  it('reads palette PNG', async () => {
    const file = await halves().png({ palette: true, colours: 4 }).toBuffer();
    expect((await sharp(file).metadata()).isPalette).toBe(true);
    expect(await pixelAt(file, 0, 0)).toEqual([255, 0, 0]);
    expect(await pixelAt(file, 7, 0)).toEqual([0, 0, 255]);
  });

  it.each(['b-w', 'grey16', 'rgb16'] as const)('reads %s PNG to 8-bit RGB', async (space) => {
    const file = await solid(8, 8, '#808080').toColourspace(space).png().toBuffer();
    const { depth, channels } = await sharp(file).metadata();
    expect([depth, channels]).toEqual([
      space === 'b-w' ? 'uchar' : 'ushort',
      space === 'rgb16' ? 3 : 1,
    ]);
    const image = await decodeImage(file, white);
    expect(image.pixels_HWC).toEqual(new Uint8Array(4 * 4 * 3).fill(128));
  });

  it('flattens transparency on the background, 8-bit and 16-bit, before it resizes', async () => {
    const options = { workingSide: 4, background: [10, 20, 30] } as const;
    const eight = await halves(4).png().toBuffer();
    expect(await pixelAt(eight, 0, 0, options)).toEqual([255, 0, 0]);
    expect(await pixelAt(eight, 7, 3, options)).toEqual([10, 20, 30]);
    const sixteen = await halves(4).toColourspace('rgb16').png().toBuffer();
    expect((await sharp(sixteen).metadata()).depth).toBe('ushort');
    expect(await pixelAt(sixteen, 7, 3, options)).toEqual([10, 20, 30]);
    // Shrunk, it is as if it had been drawn on the background: no blue of the transparent pixels shines through.
    const drawn = await halves()
      .composite([
        { input: await solid(4, 4, 'rgb(10, 20, 30)').png().toBuffer(), left: 4, top: 0 },
      ])
      .png()
      .toBuffer();
    const shrunk = await decodeImage(eight, { ...options, workingSide: 1 });
    expect(shrunk).toEqual(await decodeImage(drawn, { ...options, workingSide: 1 }));
  });

  it('turns JPEG as its EXIF orientation says', async () => {
    // Orientation 6: the stored image is to be turned by 90 degrees clockwise, so red, stored left, is on top.
    const file = await halves().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    expect(await decodeImage(file, white)).toMatchObject({ width: 4, height: 8 });
    const [top, bottom] = [await pixelAt(file, 1, 0), await pixelAt(file, 1, 7)];
    expect(top[0]).toBeGreaterThan(200);
    expect(bottom[2]).toBeGreaterThan(200);
  });

  it('turns CMYK JPEG to sRGB', async () => {
    const file = await solid(16, 16, '#c02010')
      .toColourspace('cmyk')
      .jpeg({ quality: 100 })
      .toBuffer();
    expect((await sharp(file).metadata()).space).toBe('cmyk');
    const [r, g, b] = await pixelAt(file, 2, 2);
    // Out and back through a printing profile: near #c02010 = (192, 32, 16), not inverted nor dark.
    expect(Math.abs(r! - 192)).toBeLessThan(16);
    expect(Math.abs(g! - 32)).toBeLessThan(24);
    expect(Math.abs(b! - 16)).toBeLessThan(24);
  });

  it("resizes to torchvision's sizes: the shorter side given, the longer truncated", async () => {
    // torchvision 0.29 resize([10]) of 35 x 30: 11 x 10; of 63 x 30: 21 x 10, cut to 2:1 first here.
    const sizeOf = async (width: number, height: number): Promise<number[]> => {
      const image = await decodeImage(await solid(width, height, 'red').png().toBuffer(), {
        ...white,
        workingSide: 10,
      });
      return [image.width, image.height];
    };
    expect(await sizeOf(35, 30)).toEqual([11, 10]);
    expect(await sizeOf(30, 35)).toEqual([10, 11]);
    expect(await sizeOf(5, 7)).toEqual([10, 14]);
    expect(await sizeOf(63, 30)).toEqual([20, 10]);
    expect(await sizeOf(1, 3000)).toEqual([10, 20]);
  });

  it('cuts an extreme aspect about the middle', async () => {
    const middle = await solid(20, 10, 'lime').png().toBuffer();
    const file = await solid(100, 10, 'red')
      .composite([{ input: middle, left: 40, top: 0 }])
      .png()
      .toBuffer();
    const { width, height, pixels_HWC } = await decodeImage(file, { ...white, workingSide: 10 });
    expect([width, height]).toEqual([20, 10]);
    expect(pixels_HWC).toEqual(Uint8Array.from({ length: 600 }, (_, i) => (i % 3 === 1 ? 255 : 0)));
  });

  it('antialiases: a fine checkerboard shrinks to even grey', async () => {
    const board = Buffer.from(
      Array.from({ length: 64 * 64 }, (_, i) => ((i + Math.floor(i / 64)) % 2 === 0 ? 0 : 255)),
    );
    const file = await sharp(board, { raw: { width: 64, height: 64, channels: 1 } })
      .png()
      .toBuffer();
    const { pixels_HWC } = await decodeImage(file, { ...white, workingSide: 8 });
    for (const value of pixels_HWC) expect(Math.abs(value - 127.5)).toBeLessThan(2);
  });

  it('gives the same bits however many images are decoded at once', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const;
    const file = await sharp({
      create: { width: 300, height: 200, channels: 3, background: 'red', noise },
    })
      .jpeg()
      .toBuffer();
    const options = { ...white, workingSide: 64 };
    const alone = await decodeImage(file, options);
    for (const image of await Promise.all(
      Array.from({ length: 16 }, () => decodeImage(file, options)),
    )) {
      expect(Buffer.compare(image.pixels_HWC, alone.pixels_HWC)).toBe(0);
    }
  });

  it('refuses files that are no whole image, with the reason', async () => {
    const noise = { type: 'gaussian', mean: 128, sigma: 50 } as const;
    const photo = sharp({
      create: { width: 99, height: 99, channels: 3, background: 'red', noise },
    });
    const [png, jpeg, webp] = [
      await photo.clone().png().toBuffer(),
      await photo.clone().jpeg().toBuffer(),
      await photo.clone().webp().toBuffer(),
    ];
    const flipped = Buffer.from(png);
    flipped[Math.floor(png.length / 2)]! ^= 1;
    const cut = (file: Buffer): Buffer => file.subarray(0, Math.floor(file.length * 0.6));
    const supported = '(PNG, JPEG, WebP, TIFF, GIF and AVIF are)';
    const cases: [Buffer, string][] = [
      [Buffer.alloc(0), 'the file is empty'],
      [Buffer.from('hello'), 'it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image'],
      [Buffer.from('BM6....'), `BMP is not supported ${supported}`],
      [Buffer.from('\0\0\0\x14ftypheic\0\0\0\0mif1'), `HEIC is not supported ${supported}`],
      [Buffer.from('\0\0\0\x14ftypisom\0\0\0\0mp42'), 'it is a video or another media file'],
      [
        Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
        `SVG is not supported ${supported}`,
      ],
      [Buffer.from('GIF89a......'), 'it is truncated or corrupt'],
      [Buffer.from('\0\0\0 ftypavif'), 'it is truncated or corrupt'],
      [Buffer.from('II*\0\x08\0\0\0'), 'it is truncated or corrupt'],
      [cut(await photo.clone().gif().toBuffer()), 'it is truncated or corrupt'],
      [cut(await photo.clone().avif().toBuffer()), 'it is truncated or corrupt'],
      [
        cut(await photo.clone().tiff({ compression: 'lzw' }).toBuffer()),
        'it is truncated or corrupt',
      ],
      [png.subarray(0, 8), 'it is truncated or corrupt'],
      [cut(png), 'it is truncated or corrupt'],
      [cut(jpeg), 'it is truncated or corrupt'],
      [cut(webp), 'it is truncated or corrupt'],
      [flipped, 'it is truncated or corrupt'],
    ];
    for (const [file, reason] of cases) {
      const error: unknown = await decodeImage(file, white).catch((failure: unknown) => failure);
      expect(error).toBeInstanceOf(FtctlError);
      const { code, message, details } = error as FtctlError;
      expect([code, message]).toEqual(['FT_DATA_BAD_FILE', `image cannot be used: ${reason}.`]);
      expect(details).toEqual({ path: 'image', reason });
    }
  });

  it.each(['none', 'lzw', 'deflate', 'packbits', 'jpeg'] as const)(
    'reads TIFF, %s compression',
    async (compression) => {
      const file = await halves().tiff({ compression, quality: 100 }).toBuffer();
      expect(await decodeImage(file, white)).toMatchObject({ width: 8, height: 4 });
      const tolerance = compression === 'jpeg' ? 3 : 0;
      for (const [x, color] of [
        [1, [255, 0, 0]],
        [6, [0, 0, 255]],
      ] as const) {
        const pixel = await pixelAt(file, x, 2);
        color.forEach((value, c) => {
          expect(Math.abs(pixel[c]! - value)).toBeLessThanOrEqual(tolerance);
        });
      }
    },
  );

  it.each(['b-w', 'rgb16', 'cmyk', 'lab'] as const)('reads %s TIFF to 8-bit RGB', async (space) => {
    const file = await solid(8, 8, '#808080').toColourspace(space).tiff().toBuffer();
    const { pixels_HWC } = await decodeImage(file, white);
    expect(pixels_HWC).toHaveLength(48);
    // CMYK goes through a printing profile, which has no exact grey.
    for (const value of pixels_HWC)
      expect(Math.abs(value - 128)).toBeLessThanOrEqual(space === 'cmyk' ? 16 : 1);
  });

  it('reads the first page of a TIFF and the first frame of a GIF, its holes filled', async () => {
    const pages = [
      await solid(8, 8, 'red').png().toBuffer(),
      await solid(8, 8, 'blue').png().toBuffer(),
    ];
    const tiff = await sharp(pages, { join: { animated: true } })
      .tiff({ compression: 'lzw' })
      .toBuffer();
    expect((await sharp(tiff).metadata()).pages).toBe(2);
    expect(await pixelAt(tiff, 0, 0)).toEqual([255, 0, 0]);
    const gif = await sharp(pages, { join: { animated: true } })
      .gif()
      .toBuffer();
    expect((await sharp(gif).metadata()).pages).toBe(2);
    expect(await decodeImage(gif, white)).toMatchObject({ width: 4, height: 4 });
    expect(await pixelAt(gif, 0, 0)).toEqual([255, 0, 0]);
    const holed = await halves(4).gif().toBuffer();
    expect(await pixelAt(holed, 7, 0, { workingSide: 4, background: [10, 20, 30] })).toEqual([
      10, 20, 30,
    ]);
  });

  it.each([8, 10, 12] as const)('reads AVIF of %i bits', async (bitdepth) => {
    const file = await solid(64, 64, '#406080').avif({ quality: 100, bitdepth }).toBuffer();
    const pixel = await pixelAt(file, 2, 2);
    [0x40, 0x60, 0x80].forEach((value, c) => {
      expect(Math.abs(pixel[c]! - value)).toBeLessThanOrEqual(2);
    });
  });

  it('refuses values that have no agreed range', async () => {
    const float = floatTiff();
    expect((await sharp(float).metadata()).depth).toBe('float');
    await expect(decodeImage(float, white)).rejects.toThrow(
      'image cannot be used: its values are of the type float; 8 and 16 bits are read.',
    );
  });

  it('refuses more than 100 megapixels from the header alone', async () => {
    const png = await solid(8, 8, 'red').png().toBuffer();
    // IHDR: width at byte 16, height at 20, its CRC at 29.
    png.writeUInt32BE(20_000, 16);
    png.writeUInt32BE(20_000, 20);
    const { crc32 } = await import('node:zlib');
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29);
    await expect(decodeImage(png, white)).rejects.toThrow(
      'image cannot be used: it has more than 100 megapixels.',
    );
  });

  it('reads from a path, and names it when it is not there', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'ftctl-decode-'));
    try {
      const path = join(dir, 'a.png');
      await writeFile(path, await halves().png().toBuffer());
      expect(await decodeImage(path, white)).toMatchObject({ width: 8, height: 4 });
      await expect(decodeImage(join(dir, 'b.png'), white)).rejects.toThrow(
        `${join(dir, 'b.png')} cannot be used: it does not exist.`,
      );
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('workingSide', () => {
  it("is the network's input side", () => {
    expect(workingSide(224, { scale: [0.5, 3], randomResizedCrop: null })).toBe(224);
  });

  it('refuses to shrink by more than two', () => {
    expect(() => workingSide(224, { scale: [0.4, 1], randomResizedCrop: null })).toThrow(
      new FtctlError('FT_DATA_AUGMENT_RANGE', {
        what: 'data.augment.scale starts at 0.4.',
        why: 'Images may be shrunk to 0.5 at least.',
      }),
    );
  });
});

describe('decodeKey', () => {
  it('differs by file, size and background, and names the decoder', () => {
    const keys = [
      decodeKey('a', white),
      decodeKey('b', white),
      decodeKey('a', { ...white, workingSide: 5 }),
      decodeKey('a', { ...white, background: [0, 0, 0] }),
    ];
    expect(new Set(keys).size).toBe(4);
    expect(decoderVersion).toContain(`vips-${sharp.versions.vips}`);
  });
});
