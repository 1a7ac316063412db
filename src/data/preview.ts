import type { DataSpec } from '../config/run-spec.js';
import { FtctlError } from '../errors/index.js';
import { checkClasses, checkOwnSplits } from './check-classes.js';
import { readClassNames } from './class-names.js';
import { drawContactSheet, type Sheet, type SheetSample } from './contact-sheet.js';
import { checkOwnGroups, splitsOf } from './make-samples.js';
import type { SplitName } from './manifest.js';
import type { Preprocessing } from './preprocessing.js';
import { permutation } from './rng.js';
import { listSource, type ListSourceOptions } from './sources/list-source.js';
import { byCodeUnits, type Listing, nameOf, placesByClass } from './sources/listing.js';

export interface PreviewOptions extends ListSourceOptions {
  readonly seed: number;
  readonly preprocessing: Preprocessing;
  readonly split: SplitName;
  readonly numSamples: number;
  /** Training views of each sample: those of so many first epochs. */
  readonly numViews: number;
}

export interface Preview extends Sheet {
  readonly rows: readonly SheetSample[];
}

/**
 * Draws samples of a data source and their views, as a run with this seed makes them (a run that skips bad files may split
 * otherwise). Every class in turn, classes and samples in an order that the seed decides. Rejects with FT_DATA_ errors.
 */
export async function previewData(spec: DataSpec, options: PreviewOptions): Promise<Preview> {
  const { seed, preprocessing, split, numSamples, numViews, signal } = options;
  const listing = await listSource(spec, options);
  checkClasses(listing, spec.split);
  checkOwnSplits(listing);
  checkOwnGroups(listing, spec);
  const classNames = await readClassNames(listing.classIds, spec.classNames);
  const splits = splitsOf(listing, spec, seed);
  const rows = chooseSamples(listing, classNames, splits, split, numSamples, seed);
  if (rows.length === 0) {
    throw new FtctlError('FT_DATA_EMPTY', {
      what: `${nameOf(listing)} has no ${split} images.`,
      remedy: `Choose another split, or set data.split.${split}.`,
    });
  }
  const { augment, views } = spec;
  const sheet = await drawContactSheet(rows, {
    ...{ root: listing.root, augment, seed, preprocessing, views, numViews, signal },
  });
  return { ...sheet, rows };
}

/** One sample of each class, then a second of each, and so on; the rows are then ordered by class. */
function chooseSamples(
  { files, classIds }: Listing,
  classNames: readonly string[],
  splits: readonly SplitName[],
  split: SplitName,
  numSamples: number,
  seed: number,
): SheetSample[] {
  const placesOf = placesByClass(files);
  const ofClass = classIds.map((classId) => {
    const members = (placesOf.get(classId) ?? [])
      .filter((i) => splits[i] === split)
      .map((i) => files[i]!)
      .sort((a, b) => byCodeUnits(a.path, b.path));
    return Array.from(permutation(members.length, seed, 'preview', classId), (i) => members[i]!);
  });
  const order = permutation(classIds.length, seed, 'preview');
  const chosen: { label: number; row: SheetSample }[] = [];
  const rounds = ofClass.reduce((most, { length }) => Math.max(most, length), 0);
  for (let turn = 0; turn < rounds && chosen.length < numSamples; turn += 1) {
    for (const label of order) {
      const file = ofClass[label]![turn];
      if (file === undefined || chosen.length === numSamples) continue;
      const { path } = file;
      chosen.push({ label, row: { id: path, path, className: classNames[label]!, split } });
    }
  }
  return chosen.sort((a, b) => a.label - b.label).map(({ row }) => row);
}
