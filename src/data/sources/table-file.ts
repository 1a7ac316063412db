import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, posix, relative, sep } from 'node:path';
import { CsvError } from 'csv-parse';
import { parse } from 'csv-parse/sync';
import { FtctlError } from '../../errors/index.js';
import type { SplitName } from '../manifest.js';
import { readFailure } from '../../util/read-failure.js';
import { byCodeUnits, type ListedFile, type Listing } from './listing.js';
import { allowedSplitNames, splitOf } from './split-names.js';

interface Row {
  readonly line: number;
  readonly path: unknown;
  readonly label: unknown;
  readonly split: unknown;
  readonly group: unknown;
}

/**
 * Lists a manifest: a CSV file with a header line, or JSONL, with `path` (relative to the manifest's folder, or
 * absolute; where the manifest came with an archive that was unpacked into `archiveRoot`, to a file of that archive), `label` and, in all rows or none, `split`; and `groupColumn`, where it is given. Other columns are ignored.
 * Rejects with FT_DATA_MANIFEST_ROW (which names the line), FT_DATA_GROUP_BY, FT_DATA_DUPLICATE_PATH, FT_DATA_EMPTY or
 * FT_DATA_NOT_FOUND.
 */
export async function listTableFile(
  file: string,
  groupColumn: string | null = null,
  archiveRoot: string | null = null,
): Promise<Listing> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    throw new FtctlError('FT_DATA_NOT_FOUND', {
      what: `The manifest ${file} cannot be read: ${readFailure(error)}.`,
      cause: error,
    });
  }
  const rows = isCsv(file) ? csvRows(file, text, groupColumn) : jsonRows(file, text, groupColumn);
  if (rows.length === 0) {
    throw new FtctlError('FT_DATA_EMPTY', {
      what: `${file} lists no images.`,
      remedy: 'Add rows with a path and a label.',
    });
  }
  const root = dirname(file);
  if (archiveRoot !== null) for (const row of rows) refuseOutside(file, row, archiveRoot);
  const lineOfPath = new Map<string, number>();
  const hasSplits = !isBlank(rows[0]!.split);
  const files = rows.map((row): ListedFile => {
    const listed = {
      ...readRow(file, root, row, hasSplits),
      ...(groupColumn === null ? {} : { group: readGroup(file, row, groupColumn) }),
    };
    const earlier = lineOfPath.get(listed.path);
    if (earlier !== undefined) {
      throw new FtctlError('FT_DATA_DUPLICATE_PATH', {
        what: `${file} lists ${listed.path} on lines ${earlier} and ${row.line}.`,
        details: { path: listed.path, lines: [earlier, row.line] },
      });
    }
    lineOfPath.set(listed.path, row.line);
    return listed;
  });
  const classIds = [...new Set(files.map((listed) => listed.classId))].sort(byCodeUnits);
  return { root, manifest: file, files, classIds };
}

function csvRows(file: string, text: string, groupColumn: string | null): Row[] {
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, {
      bom: true,
      trim: true,
      skip_empty_lines: true,
      info: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? error['lines'] : 1;
    const reason = `it is not valid CSV (${error.message.replace(/\.$/, '')})`;
    throw rowError(file, line, reason, csvFields, error);
  }
  const header = records[0]?.record ?? [];
  const column = (name: string): number => header.indexOf(name);
  for (const name of ['path', 'label']) {
    if (records.length > 0 && column(name) < 0) {
      throw rowError(
        file,
        1,
        `the header has no column \`${name}\` (it has: ${header.join(', ')})`,
        header.length === 1 && /[;\t]/.test(header[0]!) ? separators(header[0]!) : csvHeader,
      );
    }
  }
  if (groupColumn !== null && records.length > 0 && column(groupColumn) < 0) {
    throw noColumn(file, groupColumn, header);
  }
  return records.slice(1).map(({ record, info }) => ({
    line: info.lines,
    path: record[column('path')],
    label: record[column('label')],
    split: record[column('split')],
    group: groupColumn === null ? undefined : record[column(groupColumn)],
  }));
}

function jsonRows(file: string, text: string, groupColumn: string | null): Row[] {
  return text
    .replace(/^\uFEFF/, '')
    .split('\n')
    .flatMap((content, index): Row[] => {
      if (content.trim() === '') return [];
      const line = index + 1;
      let value: unknown;
      try {
        value = JSON.parse(content);
      } catch (error) {
        throw rowError(file, line, 'it is not valid JSON', jsonLine, error);
      }
      if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw rowError(file, line, 'it is no JSON object', jsonLine);
      }
      const record = value as Record<string, unknown>;
      const { path, label, split } = record;
      const group = groupColumn === null ? undefined : record[groupColumn];
      return [{ line, path, label, split, group }];
    });
}

function readRow(file: string, root: string, row: Row, hasSplits: boolean): ListedFile {
  const { line, label } = row;
  if (typeof row.path !== 'string' || row.path === '') {
    throw rowError(file, line, 'it has no path', fill(file, 'path', 'text'));
  }
  if ((typeof label !== 'string' || label === '') && typeof label !== 'number') {
    throw rowError(file, line, 'it has no label', fill(file, 'label', 'text or a number'));
  }
  if (isBlank(row.split) === hasSplits) {
    throw rowError(
      file,
      line,
      hasSplits
        ? 'it has no split, and earlier rows have'
        : 'it has a split, and earlier rows have not',
      splits,
    );
  }
  let split: SplitName | null = null;
  if (hasSplits) {
    const known = typeof row.split === 'string' ? splitOf(row.split) : undefined;
    if (known === undefined) {
      throw rowError(
        file,
        line,
        `its split is ${JSON.stringify(row.split)}, not one of ${allowedSplitNames}`,
        splits,
      );
    }
    split = known;
  }
  return { path: relativeToRoot(root, row.path), classId: String(label), split, line };
}

const csvHeader =
  'The first line of a CSV names the columns: `path,label` or `path,label,split`, with commas between them.';
/** What to do about a table of spreadsheets in other languages, or a TSV. */
function separators(line: string): string {
  const found = line.includes(';') ? 'semicolons' : 'tabs';
  return `Its columns are separated by ${found}: write it with commas (a spreadsheet can be told so when it saves a CSV).`;
}

const csvFields =
  'Give each row as many fields as the header has; a field with a comma or a quote in it stands in double quotes.';
const jsonLine =
  'Write one object in a line, such as {"path": "photos/1.jpg", "label": "daisy"}, with no commas between lines.';
const splits = `A split is one of ${allowedSplitNames}, in all rows or in none.`;

function isCsv(file: string): boolean {
  return file.toLowerCase().endsWith('.csv');
}

/** What to do about a row without a value. */
function fill(file: string, name: 'path' | 'label', kind: string): string {
  return isCsv(file)
    ? `Fill the column \`${name}\` in this row, or remove the row.`
    : `Give the object of this line a "${name}" (${kind}), or remove the line.`;
}

const groupRemedy = 'Fill the column that `data.split.groupBy` names in each row.';

function readGroup(file: string, { line, group }: Row, column: string): string {
  if (isBlank(group) || (typeof group !== 'string' && typeof group !== 'number')) {
    throw rowError(
      file,
      line,
      `it has no ${column}, by which the images are to be grouped`,
      groupRemedy,
    );
  }
  return String(group);
}

function noColumn(file: string, column: string, header: readonly string[]): FtctlError {
  return new FtctlError('FT_DATA_GROUP_BY', {
    what: `data.split.groupBy is ${column}, and ${file} has no such column.`,
    why: `It has: ${header.join(', ')}.`,
  });
}

/** One name per file, and the same on every host where the file lies below the root. */
function relativeToRoot(root: string, path: string): string {
  if (!isAbsolute(path)) return posix.normalize(path);
  const inside = relative(root, path);
  return inside === '' || inside.startsWith('..') ? posix.normalize(path) : inside;
}

/** Who made an archive may not choose which of the user's other files are read. */
function refuseOutside(file: string, { line, path }: Row, archiveRoot: string): void {
  if (typeof path !== 'string') return;
  const inside = relative(archiveRoot, join(dirname(file), path));
  if (!isAbsolute(path) && !isAbsolute(inside) && inside.split(sep)[0] !== '..') return;
  throw rowError(
    file,
    line,
    `its path ${JSON.stringify(path)} leads out of the archive that the manifest is in`,
    'Unpack the archive yourself and use the manifest, if you trust the files that it names.',
  );
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function rowError(
  file: string,
  line: number,
  reason: string,
  remedy: string,
  cause?: unknown,
): FtctlError {
  return new FtctlError('FT_DATA_MANIFEST_ROW', {
    what: `Line ${line} of ${file} cannot be used: ${reason}.`,
    remedy,
    details: { file, line },
    ...(cause === undefined ? {} : { cause }),
  });
}
