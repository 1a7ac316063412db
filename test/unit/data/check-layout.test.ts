import { describe, expect, it } from 'vitest';
import { checkLayout } from '../../../src/data/sources/check-layout.js';
import type { SplitName } from '../../../src/data/manifest.js';
import { FtctlError } from '../../../src/errors/index.js';

/** Each folder has two images. */
function layout(folders: string, splits: Readonly<Record<string, SplitName>> = {}): string | null {
  const files = folders
    .split(' ')
    .flatMap((folder) => [`${folder}/1.png`, `${folder}/2.png`])
    .map((path) => {
      const [first, second] = path.split('/') as [string, string];
      const split = splits[first] ?? null;
      return { path, classId: split === null ? first : second, split };
    });
  const classIds = [...new Set(files.map(({ classId }) => classId))];
  return checkLayout({ root: '/data', files, classIds });
}

function refusal(folders: string): FtctlError {
  try {
    layout(folders);
  } catch (error) {
    if (error instanceof FtctlError) return error;
    throw error;
  }
  return expect.unreachable('it was not refused');
}

describe('a folder of data sets instead of classes', () => {
  it('is refused with the data set that was probably meant', () => {
    const error = refusal('birds/train/a birds/train/b birds/val/a birds/val/b');
    expect(error.code).toBe('FT_DATA_LAYOUT');
    expect(error.message).toBe(
      '/data/birds has folders for splits with class folders in them, and data.source is /data. The classes would be birds.',
    );
    expect(error.remedy).toBe('Set data.source to /data/birds.');
  });

  it('is refused where there are several, and where they lie deeper', () => {
    const error = refusal('x/birds/train/a x/birds/valid/a y/train/b y/val/b');
    expect(error.code).toBe('FT_DATA_LAYOUT');
    expect(error.remedy).toBe(
      'Set data.source to /data/x/birds, or to another of /data/x/birds, /data/y.',
    );
  });

  it('is refused where its folders are splits by other names', () => {
    for (const names of ['Training Test', 'Train Valid', 'training validation', 'test val']) {
      const [a, b] = names.split(' ') as [string, string];
      const error = refusal(`${a}/cat ${a}/dog ${b}/cat`);
      expect(error.code).toBe('FT_DATA_LAYOUT');
      expect(error.message).toContain(`/data has the folders ${a}, ${b}, each with folders in it.`);
    }
  });

  it('is refused with the folder to use where it has one folder alone', () => {
    const error = refusal('x/y/cat x/y/dog');
    expect(error.code).toBe('FT_DATA_ONE_CLASS');
    expect(error.message).toBe(
      '/data has one class only: x. Its images are in 2 folders of /data/x/y: cat, dog.',
    );
    expect(error.remedy).toBe('If these are the classes, set data.source to /data/x/y.');
  });

  it('is warned of where it could be meant', () => {
    expect(layout('a/cat a/dog b/cat b/dog')).toBe(
      'The classes are the folders of /data (a, b), though none has images of its own: all are in deeper folders, ' +
        'such as a/cat, a/dog. If those are the classes, set data.source to /data/a.',
    );
    expect(layout('train/a/cat train/a/dog val/a/cat', { train: 'train', val: 'val' })).toBe(
      'The classes are the folders of /data/train (a), though none has images of its own: all are in deeper folders, ' +
        'such as a/cat, a/dog. If those are the classes, move them up into train and val.',
    );
  });

  it('is warned of where the splits are below the classes', () => {
    expect(layout('cat/train cat/val dog/train dog/val')).toBe(
      'The classes are the folders of /data (cat, dog), though none has images of its own: all are in deeper folders ' +
        '(train, val), which are not taken for splits. Splits stand above classes: train/cat, val/cat.',
    );
  });
});

describe('a folder of classes', () => {
  it.each([
    'cat dog',
    'cat cat/old dog', // nested beside images
    'cat/old cat/new dog', // one class nested, another not
    'cat/2024 dog/2024', // one folder each
    'train test', // classes by the names of splits
    'Training testing/old',
  ])('may be any of these without a word: %s', (folders) => {
    expect(layout(folders)).toBeNull();
  });

  it('may have its own splits', () => {
    expect(layout('train/a train/b val/a', { train: 'train', val: 'val' })).toBeNull();
  });
});
