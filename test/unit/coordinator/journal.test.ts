import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openJournalFile } from '../../../src/coordinator/journal-file.js';
import type { JournalRecord } from '../../../src/coordinator/journal-records.js';
import { Journal, type JournalFile, type OpenedJournal } from '../../../src/coordinator/journal.js';
import { FtctlError } from '../../../src/errors/index.js';

let dir: string;
let path: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-journal-'));
  path = join(dir, 'journal.jsonl');
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const run: JournalRecord = {
  type: 'run',
  runId: 'r',
  specHash: 's',
  manifestHash: 'm',
  modelHash: 'b',
  fingerprintHash: 'f',
};
const end: JournalRecord = { type: 'end', status: 'finished', state: null, code: null };

async function open(): Promise<OpenedJournal> {
  return Journal.open(await openJournalFile(path), () => 1234);
}

/** A journal of four records on disk; gives its lines. */
async function written(): Promise<string[]> {
  const { journal } = await open();
  for (const record of [run, { type: 'term', term: 1 } as const, run, end]) {
    await journal.append(record);
  }
  await journal.close();
  return (await readFile(path, 'utf8')).split('\n').slice(0, -1);
}

async function failureOfOpening(): Promise<FtctlError> {
  return FtctlError.from(
    await open().then(
      () => 'no failure',
      (error: unknown) => error,
    ),
  );
}

describe('a journal', () => {
  it('gives back what was appended, in order and chained', async () => {
    const lines = await written();
    const { records, tornBytes, journal } = await open();
    await journal.close();
    expect(tornBytes).toBe(0);
    expect(records.map(({ type, seq, at }) => [type, seq, at])).toEqual([
      ['run', 0, 1234],
      ['term', 1, 1234],
      ['run', 2, 1234],
      ['end', 3, 1234],
    ]);
    const hashes = lines.map((line) => (JSON.parse(line) as { hash: string }).hash);
    expect(records.map(({ prev }) => prev)).toEqual(['0'.repeat(64), ...hashes.slice(0, 3)]);
  });

  it('goes on with the chain after it was opened again', async () => {
    await written();
    const { journal } = await open();
    await journal.append({ type: 'term', term: 2 });
    await journal.close();
    const again = await open();
    await again.journal.close();
    expect(again.records.at(-1)).toMatchObject({ type: 'term', term: 2, seq: 4 });
  });

  it('claims one more than the highest term, durably', async () => {
    const { journal } = await open();
    expect(await journal.claimTerm(6)).toBe(7);
    expect(await readFile(path, 'utf8')).toContain('"type":"term","term":7}');
    await journal.close();
  });

  it('cuts off a last line that was torn at any byte, and nothing else', async () => {
    const lines = await written();
    const whole = lines
      .slice(0, 3)
      .map((line) => `${line}\n`)
      .join('');
    const last = `${lines[3]!}\n`;
    for (let kept = 1; kept < last.length; kept++) {
      await writeFile(path, whole + last.slice(0, kept));
      const { records, tornBytes, journal } = await open();
      await journal.close();
      expect([records.length, tornBytes]).toEqual([3, kept]);
      expect((await stat(path)).size).toBe(whole.length);
    }
  });

  it('cuts off a last line with blocks that were never written', async () => {
    const lines = await written();
    const last = `${lines[3]!.slice(0, 20)}${'\0'.repeat(lines[3]!.length - 20)}\n`;
    await writeFile(path, `${lines.slice(0, 3).join('\n')}\n${last}`);
    const { records, journal } = await open();
    await journal.close();
    expect(records).toHaveLength(3);
  });

  it('names a line in which any byte was changed', async () => {
    const lines = await written();
    const line = lines[1]!;
    for (let at = 0; at < line.length; at += 7) {
      const other = line[at] === '1' ? '2' : '1';
      const changed = line.slice(0, at) + other + line.slice(at + 1);
      await writeFile(path, [lines[0], changed, lines[2], lines[3], ''].join('\n'));
      const error = await failureOfOpening();
      expect([error.code, error.message.slice(0, 33)]).toEqual([
        'FT_JOURNAL_DAMAGED',
        'Line 2 of the journal is damaged.',
      ]);
    }
  });

  it('names the place where a line is missing', async () => {
    const lines = await written();
    await writeFile(path, [lines[0], lines[2], lines[3], ''].join('\n'));
    expect((await failureOfOpening()).message).toBe(
      'Line 2 of the journal is damaged. It does not follow the line before it: lines are missing, or were moved.',
    );
  });

  it('does not take a changed last line for a torn one', async () => {
    const lines = await written();
    const changed = lines[3]!.replace('finished', 'stopped');
    await writeFile(path, [...lines.slice(0, 3), changed, ''].join('\n'));
    expect((await failureOfOpening()).message).toBe(
      'Line 4 of the journal is damaged. Its content does not have its hash.',
    );
  });

  it('is refused with a code where its folder does not exist', async () => {
    path = join(dir, 'missing', 'journal.jsonl');
    expect((await failureOfOpening()).code).toBe('FT_NOT_WRITABLE');
  });
});

/** A file in memory that can be made to fail, and tells its calls. */
function memoryFile(): {
  file: JournalFile;
  calls: string[];
  content: () => string;
  fail: { on?: 'append' | 'sync' };
} {
  let bytes = Buffer.alloc(0);
  const calls: string[] = [];
  const fail: { on?: 'append' | 'sync' } = {};
  const may = (call: 'append' | 'sync'): Promise<void> => {
    calls.push(call);
    const full = new FtctlError('FT_DISK_FULL', { what: 'Full.' });
    return fail.on === call ? Promise.reject(full) : Promise.resolve();
  };
  const file: JournalFile = {
    read: () => Promise.resolve(bytes),
    append: async (more) => {
      bytes = Buffer.concat([bytes, fail.on === 'append' ? more.subarray(0, 5) : more]);
      await may('append');
    },
    sync: () => may('sync'),
    truncate: (length) => {
      bytes = bytes.subarray(0, length);
      calls.push(`truncate ${length}`);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { file, calls, content: () => bytes.toString(), fail };
}

describe('appending', () => {
  it('resolves after the sync, and writes what waits together', async () => {
    const { file, calls } = memoryFile();
    const { journal } = await Journal.open(file, () => 0);
    await Promise.all([journal.append(run), journal.append(run), journal.append(end)]);
    expect(calls).toEqual(['append', 'sync', 'append', 'sync']);
  });

  it.each(['append', 'sync'] as const)(
    'leaves no part of a record whose %s failed, and writes nothing after it',
    async (on) => {
      const memory = memoryFile();
      const { journal } = await Journal.open(memory.file, () => 0);
      await journal.append(run);
      const before = memory.content();
      memory.fail.on = on;
      await expect(journal.append(end)).rejects.toMatchObject({ code: 'FT_DISK_FULL' });
      expect(memory.content()).toBe(before);
      delete memory.fail.on;
      await expect(journal.append(end)).rejects.toMatchObject({ code: 'FT_DISK_FULL' });
      expect(memory.content()).toBe(before);
    },
  );
});
