import { styleText } from 'node:util';
import stringWidth from 'string-width';

type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** A piece of a line. Its width is counted before its colour is put on. */
export interface Span {
  readonly text: string;
  readonly style?: Style;
}

export function span(text: string, style?: Style): Span {
  return style === undefined ? { text } : { text, style };
}

/** The first characters of `text` that fit in `columns`; a wide character counts 2. */
export function cut(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  let result = '';
  let width = 0;
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    width += stringWidth(segment);
    if (width > columns - 2) break;
    result += segment;
  }
  return columns < 3 ? '' : `${result}..`;
}

/** Left and right part of a line of at most `columns`; the right one goes first when there is no room for both. */
export function line(
  left: readonly Span[],
  right: readonly Span[],
  columns: number,
  color: boolean,
): string {
  const widthOf = (spans: readonly Span[]): number =>
    spans.reduce((sum, { text }) => sum + stringWidth(text), 0);
  const gap = columns - widthOf(left) - widthOf(right);
  if (right.length === 0 || gap < 2) return paint(fit(left, columns), color);
  return paint([...left, span(' '.repeat(gap)), ...right], color);
}

function fit(spans: readonly Span[], columns: number): readonly Span[] {
  const fitted: Span[] = [];
  let room = columns;
  for (const each of spans) {
    const text = cut(each.text, room);
    fitted.push({ ...each, text });
    if (text !== each.text) break;
    room -= stringWidth(text);
  }
  return fitted;
}

function paint(spans: readonly Span[], color: boolean): string {
  return spans
    .map(({ text, style }) =>
      color && style !== undefined && text !== ''
        ? styleText(style, text, { validateStream: false })
        : text,
    )
    .join('')
    .trimEnd();
}

/** `[#####-----]`, `width` columns in all. */
export function bar(fraction: number, width: number): string {
  const inner = Math.max(1, width - 2);
  const full = Math.round(Math.min(1, Math.max(0, fraction)) * inner);
  return `[${'#'.repeat(full)}${'-'.repeat(inner - full)}]`;
}
