import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { catalogue } from '../../../src/errors/index.js';

it('docs/errors.md lists exactly the codes of the catalogue, with their exit codes and remedies', () => {
  const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const listed = text.split('\n').filter((line) => line.startsWith('| `FT_'));
  const expected = Object.entries(catalogue)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(
      ([code, { exit, summary, remedy }]) => `| \`${code}\` | ${exit} | ${summary} | ${remedy} |`,
    );
  expect(listed).toEqual(expected);
});
