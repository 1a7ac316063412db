import { statSync } from 'node:fs';
import { chmod, mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ManifestProgress } from '../../../src/data/make-manifest.js';
import type { FtctlError } from '../../../src/errors/index.js';
import { DataFolder, failure, idsOf, imageFor, MemoryCache, numbered } from './data-folder.js';

let folder: DataFolder;
beforeEach(async () => {
  folder = await DataFolder.create();
});
afterEach(async () => {
  await folder.remove();
});

describe('makeManifest of an image folder', () => {
  it('takes classes from folder names, samples in order of their ids, at any depth', async () => {
    await folder.put('10/b.png', '10/deep/er/a.png', '9/x.png', '9/Y.PNG');
    const manifest = await folder.make();
    expect(manifest.classNames).toEqual(['10', '9']);
    expect(manifest.samples.map(({ id, label }) => [id, label])).toEqual([
      ['10/b.png', 0],
      ['10/deep/er/a.png', 0],
      ['9/Y.PNG', 1],
      ['9/x.png', 1],
    ]);
    expect(
      manifest.samples.every(
        ({ id, path, sha256 }) => id === path && /^[0-9a-f]{64}$/.test(sha256),
      ),
    ).toBe(true);
    expect(manifest.skipped).toEqual([]);
  });

  it('ignores hidden files and what is no image', async () => {
    await folder.put('a/1.png', 'a/2.png', 'b/1.png', 'b/2.png', '.hidden/1.png', 'a/.1.png');
    await folder.putBytes('a/README.md', 'no image');
    await folder.putBytes('labels.txt', 'no image');
    expect(idsOf(await folder.make())).toEqual(['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png']);
  });

  it('is the same for the same files wherever they lie and in whatever order they were written', async () => {
    const paths = [...numbered('a', 9), ...numbered('b', 7)];
    await folder.put(...paths);
    const first = await folder.make();
    folder.root = join(folder.dir, 'elsewhere');
    await folder.put(...paths.reverse());
    expect(await folder.make()).toEqual(first);
  });

  it('gives another split for another seed', async () => {
    await folder.put(...numbered('a', 9), ...numbered('b', 9));
    const [first, second] = [
      await folder.make({}, { seed: 1 }),
      await folder.make({}, { seed: 2 }),
    ];
    expect(idsOf(first, 'val')).not.toEqual(idsOf(second, 'val'));
    expect(first.hash).not.toBe(second.hash);
  });

  it('uses the splits that the folder brings, and takes valid for val', async () => {
    await folder.put('train/a/1.png', 'train/b/1.png', 'valid/a/2.png', 'test/b/2.png');
    const manifest = await folder.make();
    expect(manifest.classNames).toEqual(['a', 'b']);
    expect(manifest.samples.map(({ id, label, split }) => [id, label, split])).toEqual([
      ['test/b/2.png', 1, 'test'],
      ['train/a/1.png', 0, 'train'],
      ['train/b/1.png', 1, 'train'],
      ['valid/a/2.png', 0, 'val'],
    ]);
  });

  it('takes validation for val, and refuses two folders that mean val', async () => {
    await folder.put('train/a/1.png', 'train/b/1.png', 'validation/a/2.png');
    expect(idsOf(await folder.make(), 'val')).toEqual(['validation/a/2.png']);
    await folder.put('val/a/3.png');
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_SPLIT',
      `${folder.root} has val and validation. Each of these names means the split that the best epoch is chosen on.`,
    ]);
  });

  it('takes folders named train and test for classes where they hold images', async () => {
    await folder.put(...numbered('train', 2), ...numbered('test', 2), ...numbered('bus', 2));
    expect((await folder.make()).classNames).toEqual(['bus', 'test', 'train']);
  });

  it('follows links to files and folders', async () => {
    await folder.put(...numbered('a', 2), 'b/0.png');
    await folder.put('../other/1.png');
    await symlink(join(folder.dir, 'other'), join(folder.root, 'b', 'linked'));
    expect(idsOf(await folder.make())).toEqual(['a/0.png', 'a/1.png', 'b/0.png', 'b/linked/1.png']);
  });

  it('refuses layouts that it cannot understand, saying why', async () => {
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_NOT_FOUND',
      `The data source ${folder.root} cannot be used: it does not exist.`,
    ]);
    await folder.put('1.png', '2.png');
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_EMPTY',
      `${folder.root} has no images in class folders. It has 2 images itself, of which nobody knows the class.`,
    ]);
    await folder.put(...numbered('a', 2));
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_ONE_CLASS',
      `${folder.root} has one class only: a. A classifier needs two at least.`,
    ]);
    await folder.put('b/1.png');
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_CLASS_TOO_SMALL',
      `Class b of ${folder.root} has one image. Train and val need one each, so a class needs 2 at least.`,
    ]);
    await mkdir(join(folder.root, 'c'));
    await mkdir(join(folder.root, 'd'));
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_EMPTY_CLASS',
      `Classes c, d of ${folder.root} have no images.`,
    ]);
    await symlink(folder.root, join(folder.root, 'c', 'up'));
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_LINK_LOOP',
      `${join(folder.root, 'c/up/c')} is a link to a folder that contains it.`,
    ]);
  });

  it('refuses splits that are not complete', async () => {
    await folder.put('train/a/1.png', 'train/b/1.png', 'test/a/1.png');
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_SPLIT',
      `${folder.root} brings its own splits, and has no val images. The best epoch is chosen on val.`,
    ]);
    await folder.put('val/a/1.png', 'val/new/1.png');
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_EMPTY_CLASS',
      `Class new of ${folder.root} has no train images.`,
    ]);
    await folder.put('extra/a/1.png');
    expect((await failure(folder.make()))[0]).toBe('FT_DATA_SPLIT');
  });

  it('names classes by a JSON of names, and wants all of them', async () => {
    await folder.put(...numbered('1', 2), ...numbered('10', 2), ...numbered('2', 2));
    const classNames = join(folder.dir, 'names.json');
    await writeFile(classNames, '{"1": "rose", "2": "lily", "10": "iris", "11": "unused"}');
    expect((await folder.make({ classNames })).classNames).toEqual(['rose', 'iris', 'lily']);
    await writeFile(classNames, '{"1": "rose"}');
    expect(await failure(folder.make({ classNames }))).toEqual([
      'FT_DATA_CLASS_NAMES',
      `${classNames} has no name for 2 of 3 classes: 10, 2.`,
    ]);
    await writeFile(classNames, '{"1": "rose", "2": "lily", "10": "rose"}');
    expect(await failure(folder.make({ classNames }))).toEqual([
      'FT_DATA_CLASS_NAMES',
      `In ${classNames}, the classes 1 and 10 have the same name: rose. The trained model's answers are names, which must tell its classes apart.`,
    ]);
    await writeFile(classNames, '{"1": 5}');
    expect(await failure(folder.make({ classNames }))).toEqual([
      'FT_DATA_CLASS_NAMES',
      `In ${classNames}, the name of 1 is 5. A name is text.`,
    ]);
    await writeFile(classNames, '{"1"');
    expect(await failure(folder.make({ classNames }))).toEqual([
      'FT_DATA_CLASS_NAMES',
      `${classNames} is not valid JSON.`,
    ]);
  });
});

describe('files that cannot be used', () => {
  const putBad = async (): Promise<void> => {
    await folder.put(...numbered('a', 4), ...numbered('b', 4));
    await folder.putBytes('a/empty.png', '');
    await folder.putBytes('a/text.jpg', 'hello');
    await folder.putBytes('b/cut.png', (await imageFor('b/cut.png')).subarray(0, 60));
    await folder.putBytes('b/old.bmp', 'BM6');
    await symlink(join(folder.dir, 'gone.png'), join(folder.root, 'b', 'broken.png'));
  };

  it('stop the run with a list of every one', async () => {
    await putBad();
    expect(await failure(folder.make())).toEqual([
      'FT_DATA_BAD_FILES',
      [
        `5 of 13 images in ${folder.root} cannot be used:`,
        '  a/empty.png: the file is empty',
        '  a/text.jpg: it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image',
        '  b/broken.png: it does not exist',
        '  b/cut.png: it is truncated or corrupt',
        '  b/old.bmp: BMP is not supported (PNG, JPEG, WebP, TIFF, GIF and AVIF are)',
      ].join('\n'),
    ]);
  });

  it('lists the first twenty, and all in the details', async () => {
    await folder.put(...numbered('a', 2), ...numbered('b', 2));
    for (let i = 0; i < 25; i += 1) await folder.putBytes(`a/bad-${i + 10}.png`, '');
    const error: unknown = await folder.make().catch((reason: unknown) => reason);
    const { message, details } = error as FtctlError;
    expect(message.split('\n')).toHaveLength(22);
    expect(message).toMatch(/\n {2}and 5 more$/);
    expect((details as { badFiles: unknown[] }).badFiles).toHaveLength(25);
  });

  it('are left out and listed under onBadFile: skip, in the second run as in the first', async () => {
    await putBad();
    const first = await folder.make({ onBadFile: 'skip' });
    expect(idsOf(first)).toEqual([...numbered('a', 4), ...numbered('b', 4)]);
    expect(first.skipped).toEqual([
      { path: 'a/empty.png', reason: 'the file is empty' },
      { path: 'a/text.jpg', reason: 'it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image' },
      { path: 'b/broken.png', reason: 'it does not exist' },
      { path: 'b/cut.png', reason: 'it is truncated or corrupt' },
      {
        path: 'b/old.bmp',
        reason: 'BMP is not supported (PNG, JPEG, WebP, TIFF, GIF and AVIF are)',
      },
    ]);
    expect(await folder.make({ onBadFile: 'skip' })).toEqual(first);
  });

  it('may not empty a class', async () => {
    await folder.put(...numbered('a', 2), ...numbered('b', 2));
    await folder.putBytes('c/1.png', '');
    await folder.putBytes('c/2.png', '');
    expect(await failure(folder.make({ onBadFile: 'skip' }))).toEqual([
      'FT_DATA_EMPTY_CLASS',
      `Class c of ${folder.root} has no images, not counting 2 files that cannot be used.`,
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('include files without permission', async () => {
    await folder.put(...numbered('a', 2), ...numbered('b', 2));
    await chmod(join(folder.root, 'a/0.png'), 0);
    expect((await failure(folder.make()))[1]).toContain(
      'a/0.png: it may not be read (permissions)',
    );
  });
});

describe('what is remembered between runs', () => {
  it('fills the pixel cache at the working resolution, and decodes nothing in a second run', async () => {
    await folder.put(...numbered('a', 3), ...numbered('b', 3));
    const pixelCache = new MemoryCache();
    const manifest = await folder.make({}, { pixelCache });
    expect(pixelCache.puts).toBe(6);
    for (const { width, height } of pixelCache.images.values())
      expect([width, height]).toEqual([4, 4]);
    const later = new MemoryCache();
    expect(await folder.make({}, { pixelCache: later })).toEqual(manifest);
    expect(later.puts).toBe(0);
  });

  it('looks again at a file that has changed, though its size and time of modification are the same', async () => {
    await folder.put(...numbered('a', 3), ...numbered('b', 3));
    const before = await folder.make();
    const { mtime, size } = statSync(join(folder.root, 'a/1.png'));
    const other = await imageFor('other');
    expect(other.length).toBe(size);
    await writeFile(join(folder.root, 'a/1.png'), other);
    await utimes(join(folder.root, 'a/1.png'), mtime, mtime);
    const after = await folder.make();
    const changed = after.samples.filter(({ sha256 }, i) => sha256 !== before.samples[i]!.sha256);
    expect(changed.map(({ id }) => id)).toEqual(['a/1.png']);
  });

  it('does not believe what it found out about a file that was written a moment before', async () => {
    await folder.put(...numbered('a', 3), ...numbered('b', 3));
    await writeFile(join(folder.root, 'a/0.png'), await imageFor('now'));
    await folder.make();
    const later = new MemoryCache();
    await folder.make({}, { pixelCache: later });
    expect(later.puts).toBe(1);
  });

  it('starts anew from a damaged memory', async () => {
    await folder.put(...numbered('a', 3), ...numbered('b', 3));
    const manifest = await folder.make();
    const verdicts = join(folder.dir, 'cache', 'verdicts');
    for (const name of await readdir(verdicts))
      await writeFile(join(verdicts, name), '{"decoder":');
    expect(await folder.make()).toEqual(manifest);
  });

  it('warns of class folders that may be data sets, and refuses data sets', async () => {
    await folder.put(...['x/a', 'x/b', 'y/a', 'y/b'].flatMap((name) => numbered(name, 2)));
    const warnings: string[] = [];
    const onWarning = (message: string): void => void warnings.push(message);
    expect((await folder.make({}, { onWarning })).classNames).toEqual(['x', 'y']);
    expect(warnings).toEqual([expect.stringContaining(`set data.source to ${folder.root}/x.`)]);
    await rm(folder.root, { recursive: true });
    await folder.put(...['x/train/a', 'x/val/a'].flatMap((name) => numbered(name, 2)));
    expect((await failure(folder.make()))[0]).toBe('FT_DATA_LAYOUT');
  });

  it('tells how far it is, and stops when it is aborted', async () => {
    await folder.put(...numbered('a', 3), ...numbered('b', 3));
    const seen: ManifestProgress[] = [];
    await folder.make({}, { onProgress: (progress) => seen.push(progress) });
    expect(seen.map(({ done }) => done)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(seen[0]).toEqual({
      what: 'manifest',
      message: 'checking images',
      done: 1,
      total: 6,
      unit: 'files',
    });

    const controller = new AbortController();
    await rm(join(folder.dir, 'cache'), { recursive: true });
    const aborted = folder.make(
      {},
      {
        signal: controller.signal,
        onProgress: () => {
          controller.abort(new Error('enough'));
        },
      },
    );
    await expect(aborted).rejects.toThrow('enough');
  });
});
