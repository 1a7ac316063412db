import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { AugmentSpec, Rgb } from '../../../src/config/run-spec.js';
import type { Manifest, Sample } from '../../../src/data/manifest.js';
import { CounterRng } from '../../../src/data/rng.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import type { PreparedModel } from '../../../src/models/prepared-model.js';
import { BlobStore } from '../../../src/util/blob-store.js';

export const tinyImageSize = 32;
export const tinyBackground: Rgb = [255, 255, 255];

/** Every transform is on. */
export const allAugment: AugmentSpec = {
  rotate: 20,
  flipHorizontal: 0.5,
  flipVertical: 0.5,
  scale: [0.8, 1.2],
  translate: 0.1,
  crop: [0.5, 1],
  brightness: 0.2,
  contrast: 0.2,
  saturation: 0.2,
  hue: 0.1,
  grayscale: 0.3,
  randomResizedCrop: { area: [0.3, 1], ratio: [0.75, 1.5] },
  randomErasing: { probability: 0.5, area: [0.02, 0.33], ratio: [0.3, 3.3] },
};

export interface TinyData {
  /** Removed by `remove`. */
  readonly root: string;
  readonly dataRoot: string;
  readonly cacheDir: string;
  readonly manifest: Manifest;
  readonly prepared: PreparedModel;
  readonly modelPath: string;
  remove(): void;
}

/** A folder of generated PNG images in classes `class-0`..., and a random backbone with an input of 32 px. */
export async function makeTinyData(numImages: number, numClasses = 2): Promise<TinyData> {
  const root = mkdtempSync(join(tmpdir(), 'ftctl-tiny-'));
  const dataRoot = join(root, 'data');
  const cacheDir = join(root, 'cache');
  const samples: Sample[] = [];
  for (let i = 0; i < numImages; i += 1) {
    const label = i % numClasses;
    const path = `class-${label}/${String(i).padStart(4, '0')}.png`;
    const bytes = await tinyPng(i);
    mkdirSync(dirname(join(dataRoot, path)), { recursive: true });
    writeFileSync(join(dataRoot, path), bytes);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    samples.push({ id: path, path, label, split: i % 5 === 4 ? 'val' : 'train', sha256 });
  }
  const prepared = await prepareModel(
    { architecture: 'mobilenet_v2', width: 0.35, weights: 'random', integrity: null },
    {
      numClasses,
      imageSize: tinyImageSize,
      background: tinyBackground,
      normalise: null,
      valTransform: { resize: 40 },
      seed: 1,
      cacheDir,
    },
  );
  return {
    root,
    dataRoot,
    cacheDir,
    manifest: {
      classIds: Array.from({ length: numClasses }, (_, i) => `class-${i}`),
      classNames: Array.from({ length: numClasses }, (_, i) => `class-${i}`),
      samples,
      skipped: [],
      hash: '0'.repeat(64),
    },
    prepared,
    modelPath: new BlobStore(cacheDir).path(prepared.backboneSha256),
    remove: () => {
      rmSync(root, { recursive: true, force: true });
    },
  };
}

/** A PNG of 48 x 40 coarse noise, different for each `seed`. */
export function tinyPng(seed: number): Promise<Buffer> {
  const rng = new CounterRng(seed, 'tiny image');
  const pixels = Uint8Array.from({ length: 12 * 10 * 3 }, (_, i) => rng.uniform(i) * 256);
  return sharp(pixels, { raw: { width: 12, height: 10, channels: 3 } })
    .resize(48, 40, { kernel: 'cubic' })
    .png()
    .toBuffer();
}
