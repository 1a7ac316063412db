import fc from 'fast-check';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lastLines, linesFromEnd } from '../../../src/util/tail-lines.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tail-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function all(path: string, options: { maxBytes: number; from?: number }): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of linesFromEnd(path, options)) lines.push(line);
  return lines;
}

describe('reading lines from the end', () => {
  it('gives the lines of any file in reverse', async () => {
    const path = join(dir, 'any');
    const line = fc.oneof(
      fc.string({ unit: fc.constantFrom('a', 'b', 'é', '語') }),
      fc.integer({ min: 60_000, max: 140_000 }).map((n) => 'x'.repeat(n)),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(line, { maxLength: 6 }), fc.boolean(), async (lines, isEnded) => {
        const text = lines.join('\n') + (isEnded && lines.length > 0 ? '\n' : '');
        await writeFile(path, text);
        const expected = text === '' ? [] : text.replace(/\n$/, '').split('\n').reverse();
        expect(await all(path, { maxBytes: 1e9 })).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('stops at the limit and leaves out the line across it', async () => {
    const path = join(dir, 'limit');
    await writeFile(path, 'first\nsecond\nthird\n');
    expect(await all(path, { maxBytes: 10 })).toEqual(['third']);
  });

  it('leaves out what was there before', async () => {
    const path = join(dir, 'from');
    await writeFile(path, 'old\nnew 1\nnew 2\n');
    expect(await lastLines(path, 40, 4)).toEqual(['new 1', 'new 2']);
    expect(await lastLines(path, 40, 16)).toEqual([]);
  });

  it('finds no lines in an absent file', async () => {
    expect(await lastLines(join(dir, 'absent'), 5)).toEqual([]);
  });
});
