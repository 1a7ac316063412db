import stringWidth from 'string-width';
import { printable } from './progress/words.js';

/** Text of exactly so many columns: cut with dots, or filled with blanks. */
export function fit(text: string, columns: number): string {
  const clean = printable(text);
  const width = stringWidth(clean);
  if (width <= columns) return clean + ' '.repeat(columns - width);
  let cut = '';
  for (const character of clean) {
    if (stringWidth(cut + character) > columns - 2) break;
    cut += character;
  }
  return `${cut}..${' '.repeat(columns - 2 - stringWidth(cut))}`;
}

/** The end of a path that is too long: its name says more than its folders. */
export function tail(text: string, columns: number): string {
  const clean = printable(text);
  if (stringWidth(clean) <= columns) return clean;
  const characters = Array.from(clean);
  while (stringWidth(characters.join('')) > columns - 2) characters.shift();
  return `..${characters.join('')}`;
}

/** Columns that the widest of these names takes, between 5 and `most`. */
export function nameColumns(names: readonly string[], most: number): number {
  return names.reduce(
    (widest, name) => {
      return Math.max(widest, Math.min(most, stringWidth(printable(name))));
    },
    Math.min(most, 5),
  );
}

/** Rows of cells as lines of a table, each column as wide as its widest cell. There is at least one row. */
export function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
}
