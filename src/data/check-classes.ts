import type { SplitFractions } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import type { SplitName } from './manifest.js';
import { enumerate, type Listing, linesOf, nameOf } from './sources/listing.js';
import { minClassSize } from './split.js';

/**
 * Every class has images, there are two at least, and where they are to be split, enough of each. `numBad`: files
 * that were left out before, for the message. Throws FT_DATA_EMPTY_CLASS, FT_DATA_ONE_CLASS or
 * FT_DATA_CLASS_TOO_SMALL.
 */
export function checkClasses(listing: Listing, fractions: SplitFractions, numBad = 0): void {
  const { files, classIds } = listing;
  const name = nameOf(listing);
  const sizes = new Map(classIds.map((classId) => [classId, 0]));
  for (const { classId } of files) sizes.set(classId, sizes.get(classId)! + 1);
  const without =
    numBad === 0
      ? ''
      : `, not counting ${numBad} ${numBad === 1 ? 'file' : 'files'} that cannot be used`;

  const empty = classIds.filter((classId) => sizes.get(classId) === 0);
  if (empty.length > 0) {
    throw new FtctlError('FT_DATA_EMPTY_CLASS', {
      what: `${classesOf(empty)} of ${name} ${empty.length === 1 ? 'has' : 'have'} no images${without}.`,
      details: { classes: empty },
    });
  }
  if (classIds.length < 2) {
    throw new FtctlError('FT_DATA_ONE_CLASS', {
      what: `${name} has one class only: ${classIds.join()}.`,
      why: 'A classifier needs two at least.',
    });
  }
  const isSplitByUs = files.every(({ split }) => split === null);
  const small = classIds.filter((classId) => sizes.get(classId)! < minClassSize);
  const isSmall = ({ classId }: { classId: string }): boolean => small.includes(classId);
  if (isSplitByUs && fractions.val + fractions.test > 0 && small.length > 0) {
    throw new FtctlError('FT_DATA_CLASS_TOO_SMALL', {
      what: `${classesOf(small)} of ${name} ${small.length === 1 ? 'has' : 'have'} one image${linesOf(files.filter(isSmall))}${without}.`,
      why: `Train and val need one each, so a class needs ${minClassSize} at least.`,
      details: { classes: small },
    });
  }
}

/**
 * Splits that a source brings: train and val are there, and every class can be learned. Throws FT_DATA_SPLIT or
 * FT_DATA_EMPTY_CLASS.
 */
export function checkOwnSplits(listing: Listing): void {
  const { files, classIds } = listing;
  const name = nameOf(listing);
  if (files.every(({ split }) => split === null)) return;
  const classesIn = (wanted: SplitName): Set<string> =>
    new Set(files.filter(({ split }) => split === wanted).map(({ classId }) => classId));
  for (const split of ['train', 'val'] as const) {
    if (classesIn(split).size === 0) {
      throw new FtctlError('FT_DATA_SPLIT', {
        what: `${name} brings its own splits, and has no ${split} images.`,
        why: split === 'val' ? 'The best epoch is chosen on val.' : 'There is nothing to train on.',
        ...(listing.manifest === undefined
          ? {}
          : {
              remedy: 'Give rows of train and of val (test is optional), or leave out all splits.',
            }),
      });
    }
  }
  const trained = classesIn('train');
  const untrained = classIds.filter((classId) => !trained.has(classId));
  const isUntrained = ({ classId }: { classId: string }): boolean => untrained.includes(classId);
  if (untrained.length > 0) {
    throw new FtctlError('FT_DATA_EMPTY_CLASS', {
      what: `${classesOf(untrained)} of ${name} ${untrained.length === 1 ? 'has' : 'have'} no train images${linesOf(files.filter(isUntrained))}.`,
      ...(listing.manifest === undefined
        ? {}
        : { remedy: 'Give some rows of the class the split train, or remove its rows.' }),
      details: { classes: untrained },
    });
  }
}

function classesOf(classIds: readonly string[]): string {
  return `${classIds.length === 1 ? 'Class' : 'Classes'} ${enumerate(classIds)}`;
}
