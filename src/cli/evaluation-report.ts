import type { EvaluateResult } from '../inference/evaluate.js';
import type { Mistake } from '../inference/mistakes.js';
import type { ClassScore } from '../inference/scores.js';
import { accuracy, loss, plural } from './progress/words.js';
import { fit, nameColumns, tail } from './table-cells.js';

/** Every line fits a terminal of this many columns. */
const maxColumns = 80;
/** More classes than this are not all listed; `--json` has them. */
const maxClasses = 40;
const maxPairs = 15;
const maxNameColumns = 30;
/** Names beside a matrix may be cut to this, so that it fits. */
const minNameColumns = 8;

/** An evaluation for people: the sums, each class, what was taken for what, the worst mistakes. Pure. */
export function evaluationReport(result: EvaluateResult): string[] {
  const { samples, skipped, split } = result;
  const sums = [
    `accuracy ${accuracy(result.accuracy)}`,
    `macro F1 ${accuracy(result.macroF1)}`,
    `loss ${loss(result.loss)} on ${plural(samples, 'image')}${split === 'all' ? '' : ` of ${split}`}`,
  ];
  return [
    sums.join(', '),
    ...scoredLine(result),
    ...(skipped.length === 0 ? [] : [`${plural(skipped.length, 'file')} left out`]),
    '',
    ...classTable(result.perClass),
    ...confusionLines(result),
    ...mistakeLines(result.worstMistakes),
  ];
}

/** Where the data have splits: which of them were scored. */
function scoredLine({ split, splits }: EvaluateResult): string[] {
  if (splits === null) return [];
  const sizes = Object.entries(splits);
  const scored = sizes.filter(([name]) => split === 'all' || name === split);
  const left = sizes.filter((size) => !scored.includes(size));
  const list = (some: typeof sizes): string =>
    some.map(([name, size]) => `${name} (${size})`).join(', ');
  return [`scored: ${list(scored)}${left.length === 0 ? '' : `; not scored: ${list(left)}`}`];
}

function classTable(perClass: readonly ClassScore[]): string[] {
  const isCut = perClass.length > maxClasses;
  const shown = isCut
    ? [...perClass].sort((a, b) => (a.f1 ?? 2) - (b.f1 ?? 2)).slice(0, maxClasses)
    : perClass;
  const columns = nameColumns(labelsOf(shown), maxNameColumns);
  const line = (name: string, cells: readonly string[]): string =>
    [fit(name, columns), ...cells.map((cell) => cell.padStart(10))].join('');
  return [
    line('CLASS', ['IMAGES', 'PRECISION', 'RECALL', 'F1']),
    ...shown.map(({ label, samples, precision, recall, f1 }) =>
      line(label, [String(samples), rate(precision), rate(recall), rate(f1)]),
    ),
    ...(isCut ? [`and ${perClass.length - shown.length} classes with a better F1`] : []),
    '',
  ];
}

function labelsOf(scores: readonly ClassScore[]): string[] {
  return scores.map(({ label }) => label);
}

/** A dash where there is nothing to divide by. */
function rate(value: number | null): string {
  return value === null ? '-' : accuracy(value);
}

/** The whole matrix where it fits, else the pairs of classes that are mistaken most often. */
function confusionLines({ confusion, perClass }: EvaluateResult): string[] {
  const cell =
    1 + Math.max(...confusion.flat().map((n) => String(n).length), String(perClass.length).length);
  const number = String(perClass.length).length;
  const room = maxColumns - number - 1 - cell * perClass.length;
  const columns = nameColumns(labelsOf(perClass), Math.min(room, maxNameColumns));
  if (columns < Math.min(minNameColumns, nameColumns(labelsOf(perClass), maxNameColumns))) {
    return confusedPairs({ confusion, perClass });
  }
  const numbers = perClass.map((_, k) => String(k + 1).padStart(cell)).join('');
  return [
    'CONFUSION (rows: what it is; columns: what was said)',
    `${' '.repeat(number + 1 + columns)}${numbers}`,
    ...confusion.map((row, k) => {
      const counts = row.map((n) => (n === 0 ? '.' : String(n)).padStart(cell)).join('');
      return `${String(k + 1).padStart(number)} ${fit(perClass[k]!.label, columns)}${counts}`;
    }),
    '',
  ];
}

function confusedPairs({
  confusion,
  perClass,
}: Pick<EvaluateResult, 'confusion' | 'perClass'>): string[] {
  const pairs = confusion
    .flatMap((row, is) => row.map((count, said) => ({ is, said, count })))
    .filter(({ is, said, count }) => is !== said && count > 0)
    .sort((a, b) => b.count - a.count || a.is - b.is || a.said - b.said);
  if (pairs.length === 0) return [];
  const shown = pairs.slice(0, maxPairs);
  const name = (k: number): string => fit(perClass[k]!.label, maxNameColumns);
  return [
    'MOST CONFUSED',
    `${'IS'.padEnd(maxNameColumns)}  ${'SAID'.padEnd(maxNameColumns)}${'IMAGES'.padStart(8)}`,
    ...shown.map(({ is, said, count }) => `${name(is)}  ${name(said)}${String(count).padStart(8)}`),
    ...(pairs.length > shown.length ? [`and ${pairs.length - shown.length} other pairs`] : []),
    '',
  ];
}

function mistakeLines(mistakes: readonly Mistake[]): string[] {
  if (mistakes.length === 0) return [];
  const said = nameColumns(
    mistakes.map((mistake) => mistake.said),
    18,
  );
  const is = nameColumns(
    mistakes.map((mistake) => mistake.is),
    18,
  );
  const room = maxColumns - 7 - said - 2 - is - 2;
  return [
    'WORST MISTAKES',
    `${'PROB'.padEnd(7)}${fit('SAID', said)}  ${fit('IS', is)}  IMAGE`,
    ...mistakes.map(
      ({ path, probability, ...mistake }) =>
        `${accuracy(probability).padEnd(7)}${fit(mistake.said, said)}  ${fit(mistake.is, is)}  ${tail(path, room)}`,
    ),
    '',
  ];
}

/** The confusion matrix as CSV: a header of what was said, a row for each class. */
export function confusionCsv({ confusion, perClass }: EvaluateResult): string {
  const rows = [
    ['is \\ said', ...perClass.map(({ label }) => label)],
    ...confusion.map((row, k) => [perClass[k]!.label, ...row.map(String)]),
  ];
  return rows.map((row) => `${row.map(csvCell).join(',')}\r\n`).join('');
}

/** RFC 4180. */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
