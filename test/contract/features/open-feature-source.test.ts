import { createHash } from 'node:crypto';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { renderView, viewParameters } from '../../../src/data/augment.js';
import { decodeImage } from '../../../src/data/decode.js';
import { decodeSideOf, workingSide } from '../../../src/data/working-side.js';
import { openFeatureEngine } from '../../../src/engines/onnx-feature-engine.js';
import type { FtctlError } from '../../../src/errors/index.js';
import type { FeatureRequest, FeatureSource } from '../../../src/features/feature-source.js';
import {
  type FeatureSourceOptions,
  openFeatureSource,
  type ThreadEntries,
} from '../../../src/features/open-feature-source.js';
import {
  allAugment,
  makeTinyData,
  tinyImageSize,
  tinyPng,
  type TinyData,
} from '../../support/features/tiny-data.js';

const numImages = 70;
let data: TinyData;
/** Features of (sample, view), computed one image at a time on this thread with no pipeline and no cache. */
let reference: (sample: number, view: number) => Promise<Float32Array>;
let closeEngine: () => Promise<void>;

const preprocessing = () => data.prepared.preprocessing;
const engineOptions = () => ({
  modelPath: data.modelPath,
  imageSize: tinyImageSize,
  provider: 'cpu' as const,
  threads: 1,
});

beforeAll(async () => {
  data = await makeTinyData(numImages);
  const engine = await openFeatureEngine(engineOptions());
  closeEngine = () => engine.close();
  const training = workingSide(tinyImageSize, allAugment);
  reference = async (index, view) => {
    const { id, path } = data.manifest.samples[index]!;
    const { background } = preprocessing();
    const file = await readFile(join(data.dataRoot, path));
    const side = decodeSideOf(view, training, preprocessing());
    const image = await decodeImage(file, { workingSide: side, background });
    const images_NCHW = new Float32Array(3 * tinyImageSize ** 2);
    renderView(image, viewParameters(allAugment, 5, id, view), preprocessing(), images_NCHW, 0);
    return await engine.run(images_NCHW, 1);
  };
});
afterAll(async () => {
  await closeEngine();
  data.remove();
});

const warnings: string[] = [];

async function open(
  changes: Partial<FeatureSourceOptions> = {},
  entries?: ThreadEntries,
): Promise<FeatureSource> {
  const source = await openFeatureSource(
    {
      manifest: data.manifest,
      dataRoot: data.dataRoot,
      augment: allAugment,
      seed: 5,
      preprocessing: preprocessing(),
      workingSide: workingSide(tinyImageSize, allAugment),
      engine: engineOptions(),
      backboneSha256: data.prepared.backboneSha256,
      fingerprintHash: 'f'.repeat(64),
      cacheDir: data.cacheDir,
      cacheFeatures: false,
      cacheImages: false,
      onWarning: (message) => warnings.push(message),
      ...changes,
    },
    ...(entries === undefined ? [] : [entries]),
  );
  onTestFinished(() => source.close());
  return source;
}

function rows(samples: readonly number[], view: number): FeatureRequest {
  return { samples: Int32Array.from(samples), views: Int32Array.from(samples, () => view) };
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from }, (_, i) => from + i);
const digest = (features: Float32Array): string =>
  createHash('sha256').update(Buffer.from(features.buffer)).digest('hex');

/** A cache folder that no other test uses. */
const freshCache = (name: string): string => join(data.root, `cache-${name}`);

async function rejection(promise: Promise<unknown>): Promise<FtctlError> {
  return await promise.then(
    () => expect.unreachable('it did not reject'),
    (error: unknown) => error as FtctlError,
  );
}

describe('the rows of a feature source', () => {
  it('have the bits of decode, view and backbone on their own, for training views and the plain one', async () => {
    const source = await open();
    expect(source.width).toBe(data.prepared.head.numFeatures);
    for (const view of [-1, 0, 3]) {
      const samples = [0, 1, 2, 17, 2];
      const features_BF = await source.features(rows(samples, view));
      expect(features_BF).toHaveLength(samples.length * source.width);
      for (const [row, sample] of samples.entries()) {
        const row_F = features_BF.slice(row * source.width, (row + 1) * source.width);
        expect(digest(row_F), `sample ${sample} view ${view}`).toBe(
          digest(await reference(sample, view)),
        );
      }
    }
    expect(source.counters()).toMatchObject({ rowsCached: 3, rowsComputed: 12 });
  });

  it('are the same where an array was given back, which is gone then, and zeros where padding is asked for', async () => {
    const source = await open();
    const samples = [4, -1, 5, -1];
    const first = (await source.features(rows(samples, 1))) as Float32Array<ArrayBuffer>;
    const expected = first.slice();
    const rowOf = (row: number): Float32Array =>
      expected.slice(row * source.width, (row + 1) * source.width);
    expect(digest(rowOf(0))).toBe(digest(await reference(4, 1)));
    expect(rowOf(1)).toEqual(new Float32Array(source.width));
    expect(digest(rowOf(2))).toBe(digest(await reference(5, 1)));
    expect(rowOf(3)).toEqual(new Float32Array(source.width));
    source.recycle(first.fill(NaN));
    expect(await source.features(rows(samples, 1))).toEqual(expected);
    expect(first.length).toBe(0);
    expect(source.counters()).toMatchObject({ rowsCached: 0, rowsComputed: 4 });
  });

  it('are the same uncached, with a cold cache, with a warm one, and from another process order', async () => {
    const cacheDir = freshCache('bits');
    const ask = async (
      source: FeatureSource,
      batches: number[][],
    ): Promise<Map<number, string>> => {
      const answers = await Promise.all(batches.map((batch) => source.features(rows(batch, 1))));
      const bits = new Map<number, string>();
      batches.forEach((batch, i) => {
        batch.forEach((sample, row) => {
          bits.set(sample, digest(answers[i]!.slice(row * source.width, (row + 1) * source.width)));
        });
      });
      await source.close();
      return new Map([...bits].sort(([a], [b]) => a - b));
    };
    const inSevens = range(0, 10).map((i) => range(7 * i, 7 * i + 7));
    const backwards = [range(0, numImages).reverse()];
    const uncached = await ask(await open(), inSevens);
    const caching = { cacheDir, cacheFeatures: true, cacheImages: true };
    const cold = await open(caching);
    const coldBits = await ask(cold, backwards);
    const warm = await open(caching);
    const warmBits = await ask(warm, inSevens);
    const images = await open({ ...caching, cacheFeatures: false });
    const imageBits = await ask(images, [range(0, 33), range(33, numImages)]);
    expect(coldBits).toEqual(uncached);
    expect(warmBits).toEqual(uncached);
    expect(imageBits).toEqual(uncached);
    expect(cold.counters()).toMatchObject({
      rowsCached: 0,
      rowsComputed: numImages,
      imagesDecoded: numImages,
      imagesCached: 0,
    });
    expect(warm.counters()).toMatchObject({
      rowsCached: numImages,
      rowsComputed: 0,
      imagesDecoded: 0,
      backboneSeconds: 0,
    });
    expect(images.counters()).toMatchObject({
      rowsCached: 0,
      rowsComputed: numImages,
      imagesDecoded: 0,
      imagesCached: numImages,
    });
  });

  it('come in the order in which they were asked for', async () => {
    const source = await open();
    const order: number[] = [];
    const sizes = [1, 20, 3, 40, 2];
    await Promise.all(
      sizes.map(async (size, id) => {
        await source.features(rows(range(0, size), id));
        order.push(id);
      }),
    );
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect(source.counters().rowsComputed).toBe(66);
  });

  it('need no file, no image thread and no backbone when all are cached', async () => {
    const cacheDir = freshCache('no-files');
    const cold = await open({ cacheDir, cacheFeatures: true });
    const before = await cold.features(rows([0, 1], 0));
    await cold.close();
    const nowhere = new URL('file:///nonexistent/thread.js');
    const warm = await open(
      {
        cacheDir,
        cacheFeatures: true,
        dataRoot: '/nonexistent',
        engine: { ...engineOptions(), modelPath: '/nonexistent' },
      },
      { featureThread: featureThread(), imageThread: nowhere },
    );
    expect(digest(await warm.features(rows([0, 1], 0)))).toBe(digest(before));
  });

  it('are not taken from another backbone, view, seed or image', async () => {
    const caching = { cacheDir: freshCache('keys'), cacheFeatures: true };
    const first = await open(caching);
    await first.features(rows([0], 0));
    await first.close();
    for (const change of [
      { backboneSha256: '1'.repeat(64) },
      { fingerprintHash: '1'.repeat(64) },
      { seed: 6 },
      { preprocessing: { ...preprocessing(), std: [0.5, 0.5, 0.5] as const } },
    ]) {
      const other = await open({ ...caching, ...change });
      await other.features(rows([0], 0));
      expect(other.counters().rowsCached, JSON.stringify(change)).toBe(0);
      await other.close();
    }
    const again = await open(caching);
    await again.features(rows([0], 1));
    await again.features(rows([1], 0));
    expect(again.counters().rowsCached).toBe(0);
    await again.features(rows([0], 0));
    expect(again.counters().rowsCached).toBe(1);
  });

  it('may be made by two sources of one process that share the cache', async () => {
    const caching = { cacheDir: freshCache('shared'), cacheFeatures: true, cacheImages: true };
    const sources = await Promise.all([open(caching), open(caching)]);
    const [first, second] = await Promise.all(
      sources.map((source) => source.features(rows(range(0, numImages), 0))),
    );
    expect(digest(first!)).toBe(digest(second!));
    await Promise.all(sources.map((source) => source.close()));
    const third = await open(caching);
    expect(digest(await third.features(rows(range(0, numImages), 0)))).toBe(digest(first!));
    expect(third.counters().rowsCached).toBe(numImages);
  });

  it('that were damaged in the cache are computed again', async () => {
    const caching = { cacheDir: freshCache('damage'), cacheFeatures: true };
    const first = await open(caching);
    const before = digest(await first.features(rows(range(0, 10), 0)));
    const row_F = (await first.features(rows([3], 0))).slice();
    await first.close();
    const path = join(caching.cacheDir, 'features', 'data.mdb');
    const bytes = readFileSync(path);
    const at = bytes.indexOf(Buffer.from(row_F.buffer));
    expect(at).toBeGreaterThan(0);
    bytes[at + 5]! ^= 1;
    writeFileSync(path, bytes);
    const second = await open(caching);
    expect(digest(await second.features(rows(range(0, 10), 0)))).toBe(before);
    expect(second.counters()).toMatchObject({ rowsCached: 9, rowsComputed: 1 });
    await second.close();
    const third = await open(caching);
    expect(digest(await third.features(rows(range(0, 10), 0)))).toBe(before);
    expect(third.counters()).toMatchObject({ rowsCached: 10, rowsComputed: 0 });
  });
});

describe('counters', () => {
  it('sum to the rows asked for, and their times are positive where work was done', async () => {
    const source = await open({
      cacheDir: freshCache('counters'),
      cacheFeatures: true,
      cacheImages: true,
    });
    await source.features(rows(range(0, 40), 0));
    await source.features(rows(range(20, 60), 0));
    await source.features(rows(range(0, 5), 1));
    const counters = source.counters();
    expect(counters.rowsCached).toBe(20);
    expect(counters.rowsComputed).toBe(65);
    expect(counters.imagesDecoded).toBe(60);
    expect(counters.imagesCached).toBe(5);
    expect(counters.decodeSeconds).toBeGreaterThan(0);
    expect(counters.augmentSeconds).toBeGreaterThan(0);
    expect(counters.backboneSeconds).toBeGreaterThan(0);
  });
});

describe('a file that is not what the manifest says', () => {
  async function changed(change: (path: string) => void, index: number): Promise<FtctlError> {
    const other = await makeTinyData(4);
    onTestFinished(() => {
      other.remove();
    });
    const path = join(other.dataRoot, other.manifest.samples[index]!.path);
    change(path);
    const source = await open({ manifest: other.manifest, dataRoot: other.dataRoot });
    const [before, failed, after] = [[0], [index, 0], [1]].map((samples) =>
      source.features(rows(samples, 0)),
    );
    const error = await rejection(failed!);
    expect(await before).toHaveLength(source.width);
    expect(await after).toHaveLength(source.width);
    expect(error.message).toContain(path);
    return error;
  }

  it('because it vanished rejects its request alone, with FT_DATA_CHANGED', async () => {
    const error = await changed((path) => {
      rmSync(path);
    }, 2);
    expect(error.code).toBe('FT_DATA_CHANGED');
    expect(error.message).toMatch(
      /^The image .+0002\.png cannot be read any more\. ENOENT: no such file or directory, open '.+'\.$/,
    );
  });

  it('because it was replaced rejects with FT_DATA_CHANGED, though it can be decoded', async () => {
    const bytes = await tinyPng(99);
    const error = await changed((path) => {
      writeFileSync(path, bytes);
    }, 3);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect(error.code).toBe('FT_DATA_CHANGED');
    expect(error.message).toMatch(
      new RegExp(
        `^The image .+0003\\.png is not the one that the run was started with\\. Its SHA-256 is ${sha256}; the manifest says [0-9a-f]{64}\\.$`,
      ),
    );
  });

  it('because it never was an image rejects with FT_DATA_BAD_FILE that names it', async () => {
    const other = await makeTinyData(2);
    onTestFinished(() => {
      other.remove();
    });
    const bytes = Buffer.from('no image');
    const samples = other.manifest.samples.map((sample) => ({
      ...sample,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    }));
    const path = join(other.dataRoot, samples[0]!.path);
    writeFileSync(path, bytes);
    const source = await open({
      manifest: { ...other.manifest, samples },
      dataRoot: other.dataRoot,
    });
    const error = await rejection(source.features(rows([0], 0)));
    expect(error.code).toBe('FT_DATA_BAD_FILE');
    expect(error.message).toBe(
      `${path} cannot be used: it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image.`,
    );
  });
});

describe('giving up', () => {
  it('a request whose signal is aborted rejects with its reason, at once; the others go on', async () => {
    const source = await open();
    const controller = new AbortController();
    const first = source.features(rows(range(0, numImages), 0));
    const second = source.features(rows(range(0, numImages), 1), controller.signal);
    const third = source.features(rows([0, 1], 2));
    const reason = new Error('not needed any more');
    const rejected = rejection(second);
    controller.abort(reason);
    expect(await rejected).toBe(reason);
    await first;
    expect(await third).toHaveLength(2 * source.width);
    // The first few rows of the aborted request may have been under way.
    expect(source.counters().rowsComputed).toBeLessThan(numImages + 2 + 65);
    expect(await rejection(source.features(rows([0], 0), controller.signal))).toBe(reason);
  });

  it('closing in the middle of work rejects what is pending, ends soon, and leaves no thread', async () => {
    const source = await open({
      cacheDir: freshCache('closing'),
      cacheFeatures: true,
      cacheImages: true,
    });
    const pending = range(0, 5).map((view) =>
      rejection(source.features(rows(range(0, numImages), view))),
    );
    await new Promise((resolve) => setTimeout(resolve, 100));
    const start = performance.now();
    await source.close();
    expect(performance.now() - start).toBeLessThan(5000);
    for (const error of await Promise.all(pending)) {
      expect(error.code).toBe('FT_FEATURES_CLOSED');
      expect(error.message).toBe('The feature source was closed.');
    }
    expect((await rejection(source.features(rows([0], 0)))).code).toBe('FT_FEATURES_CLOSED');
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Worker')).toEqual([]);
    await source.close();
  });

  it('closing right after opening, and twice, works', async () => {
    const source = await open({ cacheDir: freshCache('twice'), cacheFeatures: true });
    await Promise.all([source.close(), source.close()]);
  });
});

function featureThread(): URL {
  return new URL('../../../dist/features/feature-thread.js', import.meta.url);
}

describe('a thread that fails', () => {
  /** A module of a thread, made of source text. */
  function threadModule(name: string, source: string): URL {
    const path = join(data.root, `${name}.mjs`);
    writeFileSync(path, source);
    return pathToFileURL(path);
  }

  it.each([
    ['throws', `throw new Error('a bug')`, 'a bug.'],
    ['exits', 'process.exit(3)', 'It ended with exit code 3.'],
  ])('because the image thread %s rejects every request, now and later', async (_, source, why) => {
    const imageThread = threadModule(
      `image-${why.length}`,
      `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { ${source} });`,
    );
    const failing = await open({}, { featureThread: featureThread(), imageThread });
    const pending = [0, 1, 2].map((view) => rejection(failing.features(rows([view], view))));
    for (const error of await Promise.all(pending)) {
      expect(error.code).toBe('FT_THREAD_LOST');
      expect(error.message).toBe(`A background thread (image thread) ended unexpectedly. ${why}`);
      expect(error.phase).toBe('features');
    }
    expect((await rejection(failing.features(rows([0], 0)))).code).toBe('FT_THREAD_LOST');
    await failing.close();
  });

  it('the feature thread, rejects every request, now and later', async () => {
    const dying = threadModule(
      'feature',
      `import { parentPort } from 'node:worker_threads';
       parentPort.postMessage({ type: 'opened', width: 4 });
       parentPort.on('message', () => process.exit(7));`,
    );
    const failing = await open({}, { featureThread: dying, imageThread: dying });
    const pending = [0, 1].map((view) => rejection(failing.features(rows([view], view))));
    for (const error of await Promise.all(pending)) {
      expect(error.code).toBe('FT_THREAD_LOST');
      expect(error.message).toBe(
        'A background thread (feature thread) ended unexpectedly. It ended with exit code 7.',
      );
    }
    await failing.close();
  });

  it('a backbone that cannot be opened rejects the opening, and no thread is left', async () => {
    const modelPath = join(data.root, 'no-model.onnx');
    writeFileSync(modelPath, 'no model');
    const error = await rejection(open({ engine: { ...engineOptions(), modelPath } }));
    expect(error.code).toBe('FT_ENGINE_MODEL');
    expect(error.message).toContain(modelPath);
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Worker')).toEqual([]);
  });

  it('a sample that the manifest does not have is refused', async () => {
    const source = await open();
    const error = await rejection(source.features(rows([numImages], 0)));
    expect(error.code).toBe('FT_INTERNAL');
    expect(error.message).toBe(
      `Features of sample ${numImages} were asked for. The manifest has no such sample.`,
    );
  });
});

it('no cache of this file had anything to warn of', () => {
  expect(warnings).toEqual([]);
});
