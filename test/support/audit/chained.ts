import { createHash } from 'node:crypto';

/** Records as the lines of a journal, with numbers and hashes that fit; what they have of these is replaced. */
export function chained(records: readonly object[]): string[] {
  let prev = '0'.repeat(64);
  return records.map((record, seq) => {
    const rest = Object.entries(record).filter(([key]) => !['hash', 'seq', 'prev'].includes(key));
    const body = JSON.stringify({ seq, prev, ...Object.fromEntries(rest) });
    prev = createHash('sha256').update(body).digest('hex');
    return `{"hash":"${prev}",${body.slice(1)}`;
  });
}

/** The records of a journal's text. */
export function recordsIn(text: string): object[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
}
