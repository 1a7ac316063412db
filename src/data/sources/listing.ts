import type { BadFile, SplitName } from '../manifest.js';

/** An image that a source lists, before anything is known of the file. */
export interface ListedFile {
  /** Relative to the root with forward slashes, or absolute where it lies outside; unique in the listing. */
  readonly path: string;
  /** The folder's name or the label as written; what `classNames` maps to names. */
  readonly classId: string;
  /** Where the source brings its own splits (then of all files), else null. */
  readonly split: SplitName | null;
  /** Where a manifest lists it, counted from 1; absent: no manifest does. */
  readonly line?: number;
  /** The value of the column that `data.split.groupBy` names, where the source has columns. */
  readonly group?: string | undefined;
}

/** What a data source holds. */
export interface Listing {
  /** Absolute folder that relative paths count from. */
  readonly root: string;
  /** Absolute path of the manifest that lists the files; absent: the folders do, or a rule file. */
  readonly manifest?: string;
  /** What the user calls the source, where files were fetched or unpacked into the cache. */
  readonly name?: string;
  readonly files: readonly ListedFile[];
  /** Every class that the source names, with or without images. */
  readonly classIds: readonly string[];
}

/** Compares by UTF-16 code units: the same order on every host and in every locale. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** What messages call a listing: where its user has to look. */
export function nameOf({ root, manifest, name }: Listing): string {
  return name ?? manifest ?? root;
}

/** ` (line 3)`, ` (lines 3, 5 and 2 more)` of the manifest, for messages; empty without one. */
export function linesOf(files: readonly ListedFile[]): string {
  const lines = files.flatMap(({ line }) => (line === undefined ? [] : [String(line)]));
  if (lines.length === 0) return '';
  return ` (${lines.length === 1 ? 'line' : 'lines'} ${enumerate(lines)})`;
}

/** Each bad file of a listing, where its manifest lists it, and what is wrong with it: `a.png (line 3): it is empty`. */
export function badFileLines({ files }: Listing, bad: readonly BadFile[]): string[] {
  const listed = new Map(files.map((file) => [file.path, file]));
  return bad.map(({ path, reason }) => `${path}${linesOf([listed.get(path)!])}: ${reason}`);
}

/** A few values for a message, the rest counted: `a, b, c and 4 more`. */
export function enumerate(values: readonly string[], limit = 5): string {
  const shown = values.slice(0, limit).join(', ');
  return values.length > limit ? `${shown} and ${values.length - limit} more` : shown;
}

/** Where the files of each class are in a listing, in order; in time linear in the number of files. */
export function placesByClass(files: readonly ListedFile[]): Map<string, number[]> {
  const places = new Map<string, number[]>();
  files.forEach(({ classId }, i) => {
    const known = places.get(classId);
    if (known === undefined) places.set(classId, [i]);
    else known.push(i);
  });
  return places;
}
