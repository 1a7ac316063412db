import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { workingSide } from '../../../src/data/working-side.js';
import { areCached } from '../../../src/features/are-cached.js';
import { countCached } from '../../../src/features/count-cached.js';
import { openFeatureSource } from '../../../src/features/open-feature-source.js';
import {
  allAugment,
  makeTinyData,
  tinyImageSize,
  type TinyData,
} from '../../support/features/tiny-data.js';

const numImages = 12;
let data: TinyData;
beforeAll(async () => {
  data = await makeTinyData(numImages);
});
afterAll(() => {
  data.remove();
});

const scope = () => ({
  ...{ augment: allAugment, seed: 5, preprocessing: data.prepared.preprocessing },
  workingSide: workingSide(tinyImageSize, allAugment),
  ...{ backboneSha256: data.prepared.backboneSha256, fingerprintHash: 'f'.repeat(64) },
});

/** Features of the first 5 images, in view 0. */
async function fill(cacheDir: string): Promise<number> {
  const source = await openFeatureSource({
    ...{ ...scope(), manifest: data.manifest, dataRoot: data.dataRoot, cacheDir },
    engine: { modelPath: data.modelPath, imageSize: tinyImageSize, provider: 'cpu', threads: 1 },
    ...{ cacheFeatures: true, cacheImages: false, onWarning: () => undefined },
  });
  const samples = Int32Array.of(0, 1, 2, 3, 4);
  await source.features({ samples, views: new Int32Array(5) });
  await source.close();
  return source.width;
}

describe('the rows that the feature cache has', () => {
  it('are those of the same images, views and backbone', async () => {
    const cacheDir = join(data.root, 'cache-filled');
    const width = await fill(cacheDir);
    const count = (view: number, changes: { backboneSha256?: string; seed?: number } = {}) =>
      countCached(numImages, (index) => ({ file: data.manifest.samples[index]!, view }), {
        ...{ ...scope(), cacheDir, width, ...changes },
      });
    expect(await count(0)).toBe(5);
    expect(await count(1)).toBe(0);
    expect(await count(0, { seed: 6 })).toBe(0);
    expect(await count(0, { backboneSha256: '0'.repeat(64) })).toBe(0);
  });

  it('are as large a part as of those that are looked for, where there are many', async () => {
    const cacheDir = join(data.root, 'cache-many');
    const width = await fill(cacheDir);
    const of = (index: number) => ({ file: data.manifest.samples[index % 10]!, view: 0 });
    const found = await countCached(1_000_003, of, { ...scope(), cacheDir, width });
    expect(found / 1_000_003).toBeCloseTo(0.5, 1);
  });

  it('are none in a folder that is not there', async () => {
    const cacheDir = join(data.root, 'nothing');
    const file = data.manifest.samples[0]!;
    expect(
      await countCached(1, () => ({ file, view: 0 }), { ...scope(), cacheDir, width: 4 }),
    ).toBe(0);
  });
});

describe('features are cached', () => {
  const spec = (features: boolean | null, views: number | null) =>
    ({ cache: { features }, data: { views } }) as Parameters<typeof areCached>[1];

  it('where views come again, unless the configuration says otherwise', () => {
    const phase = { boundaries: ['layer3'] };
    expect(areCached(phase, spec(null, 4))).toBe(true);
    expect(areCached(phase, spec(null, null))).toBe(false);
    expect(areCached(phase, spec(false, 4))).toBe(false);
  });

  it('never where they are the images themselves', () => {
    expect(areCached({ boundaries: ['images'] }, spec(true, 4))).toBe(false);
  });
});
