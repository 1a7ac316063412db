import { statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { DataSpec } from '../../../src/config/run-spec.js';
import { makeManifest, type MakeManifestOptions } from '../../../src/data/make-manifest.js';
import type { Manifest } from '../../../src/data/manifest.js';
import { type DecodedImage, noPixelCache, type PixelCache } from '../../../src/data/pixel-cache.js';
import { FtctlError } from '../../../src/errors/index.js';
import { dataSpec } from '../../support/data/data-spec.js';

/** A PNG of one color that follows from the text, so that hashes differ; always of the same size in bytes. */
export function imageFor(text: string): Promise<Buffer> {
  let color = 7;
  for (const byte of Buffer.from(text)) color = (color * 31 + byte) % 2 ** 24;
  const background = { r: color >> 16, g: (color >> 8) & 255, b: color & 255 };
  return sharp({ create: { width: 6, height: 5, channels: 3, background } })
    .png({ compressionLevel: 0 })
    .toBuffer();
}

/** `folder/0.png`, `folder/1.png`, ... */
export const numbered = (folder: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${folder}/${i}.png`);

export const idsOf = (manifest: Manifest, split?: string): string[] =>
  manifest.samples.filter((s) => split === undefined || s.split === split).map(({ id }) => id);

export async function failure(promise: Promise<unknown>): Promise<[code: string, message: string]> {
  const error: unknown = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof FtctlError)) throw error;
  return [error.code, error.message];
}

/** A pixel cache in memory that counts what is put in it. */
export class MemoryCache implements PixelCache {
  readonly images = new Map<string, DecodedImage>();
  puts = 0;
  get(key: string): DecodedImage | undefined {
    return this.images.get(key);
  }
  put(key: string, decoded: DecodedImage): void {
    this.puts += 1;
    this.images.set(key, decoded);
  }
}

/** A temporary data folder with a cache folder beside it, and a manifest made of it. */
export class DataFolder {
  readonly dir: string;
  root: string;

  private constructor(dir: string) {
    this.dir = dir;
    this.root = join(dir, 'data');
  }

  static async create(): Promise<DataFolder> {
    return new DataFolder(await mkdtemp(join(tmpdir(), 'ftctl-data-')));
  }

  async remove(): Promise<void> {
    await rm(this.dir, { recursive: true });
  }

  async put(...paths: string[]): Promise<void> {
    for (const path of paths) await this.putBytes(path, await imageFor(path));
  }

  async putBytes(path: string, bytes: string | Buffer): Promise<void> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    // An hour ago: a file written just now would be looked at again in the next run.
    const before = statSync(file).mtimeMs / 1000 - 3600;
    await utimes(file, before, before);
  }

  async make(
    overrides: Partial<DataSpec> = {},
    options: Partial<MakeManifestOptions> = {},
  ): Promise<Manifest> {
    const spec: DataSpec = {
      ...dataSpec(this.root, 4),
      ...overrides,
    };
    const { manifest, dataRoot } = await makeManifest(spec, {
      seed: 1,
      cacheDir: join(this.dir, 'cache'),
      pixelCache: noPixelCache,
      preprocessing: {
        imageSize: 4,
        resizeSide: 4,
        mean: [0, 0, 0],
        std: [1, 1, 1],
        background: [255, 255, 255],
      },
      ...options,
    });
    if (dataRoot !== this.root) throw new Error(`The data root is ${dataRoot}.`);
    return manifest;
  }
}
