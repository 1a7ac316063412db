import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { describeKeys } from '../../../src/config/reference.js';

const docs = await readFile(new URL('../../../docs/config.md', import.meta.url), 'utf8');

/** The lines of the table under "## Keys", cells trimmed. */
function documentedRows(text: string): string[] {
  return text
    .slice(text.indexOf('## Keys'))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim())
        .join(' | ')
        .trim(),
    );
}

const schemaRows = describeKeys().map(
  ({ key, allowed, default: fallback, description }) =>
    `| \`${key}\` | ${allowed} | ${fallback} | ${description} |`,
);

describe('docs/config.md', () => {
  it('has a line for every key of the schema, with its values, default and meaning, and no other', () => {
    expect(documentedRows(docs)).toEqual(schemaRows);
  });

  it('would notice a key that one side lacks', () => {
    expect(documentedRows(docs.replace(/^\| `seed`.*\n/m, ''))).not.toEqual(schemaRows);
  });

  it('says what every key means', () => {
    expect(describeKeys().filter(({ description }) => description === '')).toEqual([]);
  });

  it('names the unit of every number that has one', () => {
    const meaning = new Map(describeKeys().map((row) => [row.key, row.description]));
    expect(meaning.get('data.augment.rotate')).toMatch(/^Degrees/);
    expect(meaning.get('data.imageSize')).toMatch(/^Pixels/);
    expect(meaning.get('data.augment.translate')).toMatch(/^Fraction of the side/);
    expect(meaning.get('checkpoint.everyEpochs')).toMatch(/^Epochs/);
    expect(meaning.get('batch.size')).toMatch(/^Images/);
  });
});
