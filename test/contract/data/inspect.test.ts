import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { previewFromCli } from '../../../src/cli/data-from-cli.js';
import { dataReport, previewLines } from '../../../src/cli/data-report.js';
import { type DataReport, inspectData } from '../../../src/data/inspect.js';
import { previewData } from '../../../src/data/preview.js';
import { makeManifest } from '../../../src/data/make-manifest.js';
import { noPixelCache } from '../../../src/data/pixel-cache.js';
import { makePlan } from '../../../src/data/plan.js';
import { dataSpec, noAugment } from '../../support/data/data-spec.js';
import { DataFolder, failure, imageFor, numbered } from './data-folder.js';

let folder: DataFolder;
beforeEach(async () => {
  folder = await DataFolder.create();
});
afterEach(async () => {
  await folder.remove();
});

const cacheDir = (): string => join(folder.dir, 'cache');
const inspect = (overrides = {}): Promise<DataReport> =>
  inspectData({ ...dataSpec(folder.root, 4), ...overrides }, { seed: 1, cacheDir: cacheDir() });

/** Two classes with splits of their own: copies across splits, across classes, in another format, with other metadata. */
async function putCopies(): Promise<void> {
  await folder.put('train/a/1.png', 'train/a/2.png', 'train/b/1.png', 'train/b/2.png');
  await folder.put('val/a/3.png', 'val/b/3.png');
  const copied = await imageFor('train/a/1.png');
  await folder.putBytes('val/a/copy.png', copied);
  const picture = await imageFor('train/b/1.png');
  await folder.putBytes(
    'train/a/picture.tif',
    await sharp(picture).tiff({ compression: 'lzw' }).toBuffer(),
  );
  await folder.putBytes('train/b/again.png', picture);
  await folder.putBytes('train/b/2-copy.png', await imageFor('train/b/2.png'));
  await folder.putBytes('train/b/broken.png', 'x');
  await folder.putBytes('val/b/large.jpg', await sharp(picture).resize(40, 30).jpeg().toBuffer());
}

describe('data inspect', () => {
  it('counts classes, splits, formats and sizes, and finds bad files and copies', async () => {
    await putCopies();
    const report = await inspect();
    expect(report.images).toBe(11);
    expect(report.splits).toEqual({ train: 7, val: 4, test: 0 });
    expect(report.classes).toEqual([
      { id: 'a', name: 'a', images: 5, splits: { train: 3, val: 2, test: 0 } },
      { id: 'b', name: 'b', images: 6, splits: { train: 4, val: 2, test: 0 } },
    ]);
    expect(report.formats).toEqual({ PNG: 9, JPEG: 1, TIFF: 1 });
    expect(report.sizes).toEqual({
      width: { min: 6, median: 6, max: 40 },
      height: { min: 5, median: 5, max: 30 },
      common: [
        { width: 6, height: 5, images: 10 },
        { width: 40, height: 30, images: 1 },
      ],
      belowImageSize: 0,
    });
    expect(report.badFiles).toEqual([
      { path: 'train/b/broken.png', reason: 'it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image' },
    ]);
    expect(report.duplicates).toEqual({
      sets: 3,
      extraImages: 4,
      all: [
        ...report.duplicates.acrossSplits,
        ...report.duplicates.acrossClasses,
        {
          same: 'bytes',
          images: [
            { path: 'train/b/2-copy.png', class: 'b', split: 'train' },
            { path: 'train/b/2.png', class: 'b', split: 'train' },
          ],
        },
      ],
      acrossSplits: [
        {
          same: 'bytes',
          images: [
            { path: 'train/a/1.png', class: 'a', split: 'train' },
            { path: 'val/a/copy.png', class: 'a', split: 'val' },
          ],
        },
      ],
      acrossClasses: [
        {
          same: 'pixels',
          images: [
            { path: 'train/a/picture.tif', class: 'a', split: 'train' },
            { path: 'train/b/1.png', class: 'b', split: 'train' },
            { path: 'train/b/again.png', class: 'b', split: 'train' },
          ],
        },
      ],
    });
    expect(report.problems.map(({ code }) => code)).toEqual(['FT_DATA_BAD_FILES']);
    expect(
      dataReport({ ...report, name: '/photos' })
        .join('\n')
        .replaceAll(folder.root, '/photos'),
    ).toMatchInlineSnapshot(`
      "11 images of 2 classes, 2.2 kB, in /photos

      A RUN WOULD NOT START
        FT_DATA_BAD_FILES: 1 of 12 images in /photos cannot be used, and data.onBadFile is fail.
        Repair or remove the files, or set \`data.onBadFile: skip\` to train without them.

      CLASS      IMAGES    TRAIN      VAL     TEST
      a               5        3        2        0
      b               6        4        2        0
      together       11        7        4        0

      Width   6 to 40, middle 6 px
      Height  5 to 30, middle 5 px
      Often   6 x 5 (10), 40 x 30 (1)
      Format  PNG (9), JPEG (1), TIFF (1)

      FILES THAT CANNOT BE USED: 1
        train/b/broken.png: it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image

      4 images are copies of others, in 3 sets.

      IN MORE THAN ONE SPLIT: 1
        the same bytes:
          train train/a/1.png
          val   val/a/copy.png

      IN MORE THAN ONE CLASS: 1
        the same pixels:
          train train/a/picture.tif
          train train/b/1.png
          train train/b/again.png

      IN ONE CLASS AND ONE SPLIT: 1
        the same bytes:
          train train/b/2-copy.png
          train train/b/2.png
      "
    `);
  });

  it('says below which size images are enlarged, and whose it is', async () => {
    await folder.put(...numbered('a', 2), ...numbered('b', 2));
    const report = await inspect({ imageSize: 64 });
    expect(report.imageSize).toBe(64);
    expect(dataReport(report)).toContain(
      'Small   4 images below 64 px, to be enlarged (data.imageSize of the quick start)',
    );
    expect(dataReport(report, 'a.yaml')).toContain(
      'Small   4 images below 64 px, to be enlarged (data.imageSize of a.yaml)',
    );
  });

  it('gives the splits of a run with the same seed', async () => {
    await folder.put(...numbered('a', 20), ...numbered('b', 12));
    const spec = {
      ...dataSpec(folder.root, 4),
      split: { train: 0.7, val: 0.2, test: 0.1, groupBy: null },
    };
    const report = await inspect(spec);
    const manifest = await folder.make(spec);
    const counts = { train: 0, val: 0, test: 0 };
    for (const { split } of manifest.samples) counts[split] += 1;
    expect(report.splits).toEqual(counts);
  });

  it('reports what would keep a run from starting, with all else', async () => {
    await folder.put(...numbered('a', 3));
    await folder.putBytes('b/1.png', '');
    const report = await inspect();
    expect(report.splits).toBeNull();
    expect(report.classes.map(({ images, splits }) => [images, splits])).toEqual([
      [3, null],
      [0, null],
    ]);
    expect(report.problems).toEqual([
      {
        code: 'FT_DATA_BAD_FILES',
        message: `1 of 4 images in ${folder.root} cannot be used, and data.onBadFile is fail.`,
        remedy: 'Repair or remove the files, or set `data.onBadFile: skip` to train without them.',
      },
      {
        code: 'FT_DATA_EMPTY_CLASS',
        message: `Class b of ${folder.root} has no images, not counting 1 file that cannot be used.`,
        remedy: 'Add images to the class, or remove its folder or rule.',
      },
    ]);
    expect(dataReport(report)).toContain(`  FT_DATA_EMPTY_CLASS: ${report.problems[1]!.message}`);
    const skipping = await inspect({ onBadFile: 'skip' });
    expect(skipping.problems.map(({ code }) => code)).toEqual(['FT_DATA_EMPTY_CLASS']);
  });

  it('says nothing of copies where there are none, and works where no file can be used', async () => {
    await folder.put(...numbered('a', 2), ...numbered('b', 2));
    expect(dataReport(await inspect())).toContain('No image is there twice.');
    for (const path of [...numbered('a', 2), ...numbered('b', 2)]) await folder.putBytes(path, 'x');
    const report = await inspect();
    expect([report.images, report.sizes, report.badFiles.length]).toEqual([0, null, 4]);
    expect(dataReport(report)[0]).toMatch(/^0 images of 2 classes, 0 B, in /);
  });

  it('rejects where the source cannot be listed, and stops when told to', async () => {
    expect((await failure(inspect({ source: '/no/such' })))[0]).toBe('FT_DATA_NOT_FOUND');
    await folder.put(...numbered('a', 8), ...numbered('b', 8));
    const controller = new AbortController();
    const stopping = inspectData(dataSpec(folder.root, 4), {
      seed: 1,
      cacheDir: cacheDir(),
      signal: controller.signal,
      onProgress: () => {
        controller.abort(new Error('enough'));
      },
    });
    await expect(stopping).rejects.toThrow('enough');
  });
});

const preprocessing = {
  imageSize: 100,
  resizeSide: 100,
  mean: [0.5, 0.4, 0.3],
  std: [0.2, 0.3, 0.4],
  background: [255, 255, 255],
} as const;
const previewOptions = {
  seed: 1,
  split: 'train',
  numSamples: 3,
  numViews: 2,
  preprocessing,
} as const;

describe('preview', () => {
  const spec = (): ReturnType<typeof dataSpec> => ({
    ...dataSpec(folder.root, 100),
    split: { train: 0.5, val: 0.5, test: 0, groupBy: null },
    augment: { ...noAugment, flipHorizontal: 1 },
  });
  const preview = (overrides = {}): ReturnType<typeof previewData> =>
    previewData(spec(), { ...previewOptions, cacheDir: cacheDir(), ...overrides });

  /** Left half of one color, right half of another. */
  async function putHalves(): Promise<void> {
    const half = (background: string): ReturnType<typeof sharp> =>
      sharp({ create: { width: 50, height: 100, channels: 3, background } });
    const right = await half('rgb(10, 200, 90)').png().toBuffer();
    const file = await half('rgb(250, 20, 30)')
      .extend({ right: 50, background: 'white' })
      .composite([{ input: right, left: 50, top: 0 }])
      .png()
      .toBuffer();
    for (const path of [...numbered('cat', 4), ...numbered('dog', 4)])
      await folder.putBytes(path, file);
  }

  it('ends once its signal aborts', async () => {
    await putHalves();
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(preview({ signal })).rejects.toThrow('enough');
  });

  it('has a row for each sample, classes in turn, of the split that was asked for', async () => {
    await putHalves();
    const { rows } = await preview();
    const manifest = await makeManifest(spec(), {
      ...{ seed: 1, cacheDir: cacheDir(), pixelCache: noPixelCache, preprocessing },
    });
    const trained = manifest.manifest.samples.filter(({ split }) => split === 'train');
    expect(rows).toHaveLength(3);
    expect(new Set(rows.map(({ className }) => className))).toEqual(new Set(['cat', 'dog']));
    for (const { path } of rows) expect(trained.map((sample) => sample.path)).toContain(path);
    expect((await preview({ numSamples: 50 })).rows).toHaveLength(4);
    expect((await preview()).png.equals((await preview()).png)).toBe(true);
  });

  it('shows the plain view first, then the augmented ones, in the colors of the image', async () => {
    await putHalves();
    const { png, width, height } = await preview();
    const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([width, height]);
    // Cells of 100 pixels with 6 between them, after a column of 176 and a line of 22.
    const pixel = (column: number, row: number, x: number): number[] => {
      const at = ((22 + 106 * row + 50) * width + 176 + 106 * column + x) * 3;
      return [...data.subarray(at, at + 3)];
    };
    const [left, right] = [
      [250, 20, 30],
      [10, 200, 90],
    ];
    for (let row = 0; row < 3; row += 1) {
      expect([pixel(0, row, 20), pixel(0, row, 80)]).toEqual([left, right]);
      for (const view of [1, 2])
        expect([pixel(view, row, 20), pixel(view, row, 80)]).toEqual([right, left]);
    }
    // Something is written beside each row.
    const isBlank = (row: number): boolean => {
      for (let y = 0; y < 100; y += 1) {
        const at = ((22 + 106 * row + y) * width + 6) * 3;
        if (data.subarray(at, at + 300).some((value) => value < 100)) return false;
      }
      return true;
    };
    expect((await preview()).hasLabels).toBe(!isBlank(0));
  });

  it('repeats the views that a run repeats, in the order of its epochs', async () => {
    await putHalves();
    const augmented = {
      ...spec(),
      augment: { ...noAugment, rotate: 40, brightness: 0.5 },
      views: 2,
    };
    const options = { ...previewOptions, cacheDir: cacheDir(), numSamples: 4, numViews: 5 };
    const { png, rows } = await previewData(augmented, options);
    const cell = async (column: number, row: number): Promise<string> => {
      const at = { left: 176 + 106 * column, top: 22 + 106 * row, width: 100, height: 100 };
      return (await sharp(png).extract(at).raw().toBuffer()).toString('base64');
    };
    const manifest = await folder.make(augmented);
    const plan = makePlan({
      ...{ manifest, numShards: 1, batchSize: 16, seed: 1, views: 2 },
      ...{ limitBatches: null, overfitBatch: false },
    });
    const viewInPlan = (id: string, epoch: number): number => {
      const { samples, views } = plan.trainMicrobatch(epoch, 0, 0);
      return views[samples.findIndex((sample) => manifest.samples[sample]!.id === id)]!;
    };
    const fresh = await previewData({ ...augmented, views: null }, options);
    const freshCell = async (view: number, row: number): Promise<string> => {
      const at = { left: 176 + 106 * (view + 1), top: 22 + 106 * row, width: 100, height: 100 };
      return (await sharp(fresh.png).extract(at).raw().toBuffer()).toString('base64');
    };
    expect(rows).toHaveLength(4);
    for (const [row, { id }] of rows.entries()) {
      expect(await freshCell(0, row)).not.toBe(await freshCell(1, row));
      for (let epoch = 0; epoch < 5; epoch += 1) {
        expect(await cell(epoch + 1, row)).toBe(await freshCell(viewInPlan(id, epoch), row));
      }
    }
  });

  it('says which views repeat, and where nothing is augmented', () => {
    const result = { file: '/p.png', width: 1, height: 1, rows: [], badFiles: [], labels: true };
    const said = (views: number | null, augmented: boolean): string[] =>
      previewLines({ ...result, views, augmented }).slice(0, -1);
    expect(said(null, true)).toEqual([]);
    expect(said(2, true)).toEqual(['data.views is 2: the views repeat after 2 epochs.']);
    expect(said(1, true)).toEqual([
      'data.views is 1: an image has one view, the same in every epoch.',
    ]);
    expect(said(1, false)).toEqual([
      'Nothing is augmented (data.augment): an image looks the same in every epoch.',
    ]);
  });

  it('writes a PNG alone, and into folders that are there', async () => {
    await putHalves();
    const draw = (out: string): Promise<unknown> =>
      previewFromCli({
        ...{ data: folder.root, config: undefined, sets: [`cache.path=${cacheDir()}`] },
        ...{ out, split: 'train', numSamples: 1, numViews: 1 },
      });
    await expect(draw(join(folder.dir, 'p.jpg'))).rejects.toMatchObject({
      code: 'FT_USAGE',
      message: `--out is ${join(folder.dir, 'p.jpg')}. The picture is a PNG.`,
      remedy: 'Give the file the ending .png.',
    });
    await expect(draw(join(folder.dir, 'no', 'p.png'))).rejects.toMatchObject({
      code: 'FT_NOT_WRITABLE',
      remedy: 'Make it, or choose another folder.',
    });
    await mkdir(join(folder.dir, 'p.png'));
    await expect(draw(join(folder.dir, 'p.png'))).rejects.toMatchObject({
      code: 'FT_NOT_WRITABLE',
      remedy: 'Name a file in it, or choose another name.',
    });
  });

  it('draws names of any kind, and says of a bad file why it is not there', async () => {
    for (const name of [
      '<b>&"',
      'sehr langer Name einer Klasse, der umbrochen werden muss',
      '\u8c93',
    ]) {
      await folder.put(...numbered(name, 2));
    }
    await folder.putBytes('bad/1.png', 'x');
    await folder.putBytes('bad/2.png', 'x');
    const { bad, rows } = await preview({ numSamples: 20 });
    expect(rows).toHaveLength(4);
    expect(bad).toEqual([
      {
        path: expect.stringMatching(/^bad\/[12]\.png$/) as string,
        reason: 'it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image',
      },
    ]);
  });

  it('refuses a split without images', async () => {
    await putHalves();
    expect(await failure(preview({ split: 'test' }))).toEqual([
      'FT_DATA_EMPTY',
      `${folder.root} has no test images.`,
    ]);
  });
});
