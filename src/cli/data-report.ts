import type { DuplicateSet } from '../data/duplicates.js';
import type { DataReport, SplitCounts } from '../data/inspect.js';
import type { PreviewResult } from './data-from-cli.js';
import { bytes, count, plural, printable } from './progress/words.js';
import { fit, nameColumns, tail } from './table-cells.js';

/** Every line but the problems' fits a terminal of this many columns. */
const maxColumns = 80;
/** Of each list, so many are shown; `--json` has all. */
const maxClasses = 60;
const maxListed = 10;
const maxNameColumns = 36;

/** What `ftctl data inspect` found, for people: problems first. `config`: the file, null for the quick start's. Pure. */
export function dataReport(report: DataReport, config: string | null = null): string[] {
  const { length } = report.classes;
  const classes = length === 1 ? '1 class' : `${count(length)} classes`;
  return [
    ...fitAll([
      `${plural(report.images, 'image')} of ${classes}, ${bytes(report.bytes)}, in ${report.name}`,
    ]),
    '',
    ...problemLines(report),
    ...classTable(report),
    ...sizeLines(report, config),
    ...badLines(report),
    ...duplicateLines(report),
  ];
}

function problemLines({ problems }: DataReport): string[] {
  if (problems.length === 0) return [];
  return [
    'A RUN WOULD NOT START',
    ...problems.flatMap(({ code, message, remedy }) => [
      `  ${code}: ${printable(message)}`,
      `  ${printable(remedy)}`,
    ]),
    '',
  ];
}

function classTable({ classes, images, splits }: DataReport): string[] {
  const shown = classes.slice(0, maxClasses);
  const labels = shown.map(({ id, name }) => (id === name ? id : `${name} (${id})`));
  const columns = nameColumns([...labels, 'together'], maxNameColumns);
  const line = (name: string, cells: readonly string[]): string =>
    [fit(name, columns), ...cells.map((cell) => cell.padStart(9))].join('');
  const row = (name: string, total: number, parts: SplitCounts): string =>
    line(name, [
      count(total),
      ...(['train', 'val', 'test'] as const).map((split) =>
        parts === null ? '-' : count(parts[split]),
      ),
    ]);
  return [
    line('CLASS', ['IMAGES', 'TRAIN', 'VAL', 'TEST']),
    ...shown.map((found, k) => row(labels[k]!, found.images, found.splits)),
    ...(classes.length > shown.length ? [`and ${classes.length - shown.length} more classes`] : []),
    row('together', images, splits),
    '',
  ];
}

function sizeLines({ sizes, formats, imageSize }: DataReport, config: string | null): string[] {
  if (sizes === null) return [];
  const { width, height, common, belowImageSize } = sizes;
  const spread = ({ min, median, max }: typeof width): string =>
    min === max ? `${min}` : `${min} to ${max}, middle ${median}`;
  const sizesInWords = common
    .map((size) => `${size.width} x ${size.height} (${count(size.images)})`)
    .join(', ');
  return [
    ...fitAll([
      `Width   ${spread(width)} px`,
      `Height  ${spread(height)} px`,
      `Often   ${sizesInWords}`,
      ...(belowImageSize === 0
        ? []
        : [
            `Small   ${plural(belowImageSize, 'image')} below ${imageSize} px, to be enlarged (data.imageSize of ${config ?? 'the quick start'})`,
          ]),
      `Format  ${Object.entries(formats)
        .map(([format, images]) => `${format} (${count(images)})`)
        .join(', ')}`,
    ]),
    '',
  ];
}

function badLines({ badFiles }: DataReport): string[] {
  if (badFiles.length === 0) return [];
  return [
    `FILES THAT CANNOT BE USED: ${count(badFiles.length)}`,
    ...fitAll(badFiles.slice(0, maxListed).map(({ path, reason }) => `  ${path}: ${reason}`)),
    ...more(badFiles.length),
    '',
  ];
}

function duplicateLines({ duplicates, splits }: DataReport): string[] {
  const { sets, extraImages, all, acrossSplits, acrossClasses } = duplicates;
  if (sets === 0) return ['No image is there twice.'];
  const once =
    extraImages === 1
      ? '1 image is there more than once'
      : `${count(extraImages)} images are copies of others, in ${plural(sets, 'set')}`;
  const elsewhere = new Set([...acrossSplits, ...acrossClasses]);
  return [
    `${once}${splits === null || acrossSplits.length > 0 ? '.' : ', none of them in two splits.'}`,
    '',
    ...setLines('IN MORE THAN ONE SPLIT', acrossSplits),
    ...setLines('IN MORE THAN ONE CLASS', acrossClasses),
    ...setLines(
      splits === null ? 'IN ONE CLASS' : 'IN ONE CLASS AND ONE SPLIT',
      all.filter((set) => !elsewhere.has(set)),
    ),
  ];
}

function setLines(title: string, sets: readonly DuplicateSet[]): string[] {
  if (sets.length === 0) return [];
  return [
    `${title}: ${count(sets.length)}`,
    ...sets
      .slice(0, maxListed)
      .flatMap(({ same, images }) => [
        `  the same ${same}:`,
        ...images
          .slice(0, maxListed)
          .map(({ path, split }) => `    ${fit(split ?? '-', 5)} ${tail(path, maxColumns - 10)}`),
        ...more(images.length, '    '),
      ]),
    ...more(sets.length),
    '',
  ];
}

function more(total: number, indent = '  '): string[] {
  return total > maxListed ? [`${indent}and ${total - maxListed} more`] : [];
}

function fitAll(lines: readonly string[]): string[] {
  return lines.map((line) => fit(line, maxColumns).trimEnd());
}

/** What `ftctl preview` drew, row by row, so that it can be told without a font too. */
export function previewLines({
  file,
  width,
  height,
  rows,
  badFiles,
  views,
  augmented,
  labels,
}: PreviewResult): string[] {
  const columns = nameColumns(
    rows.map((row) => row.class),
    30,
  );
  return [
    ...rows.map((row, i) => {
      const start = `${String(i + 1).padStart(3)}  ${fit(row.class, columns)}  `;
      return `${start}${tail(row.path, maxColumns - columns - 7)}`;
    }),
    ...badFiles.map(({ path, reason }) => `     ${printable(path)} is not there: ${reason}`),
    ...viewLines(views, augmented),
    ...(labels ? [] : ['This machine has no fonts: the picture has no class names.']),
    `${printable(file)}: ${width} x ${height} pixels, ${plural(rows.length, 'row')}`,
  ];
}

/** What the columns alone do not tell of the views. */
function viewLines(views: number | null, augmented: boolean): string[] {
  if (!augmented) {
    return ['Nothing is augmented (data.augment): an image looks the same in every epoch.'];
  }
  if (views === null) return [];
  return [
    views === 1
      ? 'data.views is 1: an image has one view, the same in every epoch.'
      : `data.views is ${views}: the views repeat after ${views} epochs.`,
  ];
}
