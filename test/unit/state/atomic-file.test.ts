import type * as fsPromises from 'node:fs/promises';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { diskError, removeTemporaries, writeFileAtomic } from '../../../src/util/atomic-file.js';

type FsPromises = typeof fsPromises;

const faults = vi.hoisted(() => ({ writeCode: undefined as string | undefined }));

vi.mock('node:fs/promises', async (importOriginal) => {
  const actual = await importOriginal<FsPromises>();
  const open: FsPromises['open'] = async (...args) => {
    const file = await actual.open(...args);
    const { writeCode } = faults;
    if (writeCode === undefined || args[1] !== 'wx') return file;
    file.writeFile = () =>
      Promise.reject(Object.assign(new Error(`${writeCode}: write`), { code: writeCode }));
    return file;
  };
  return { ...actual, open };
});

let dir: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-atomic-'));
  faults.writeCode = undefined;
});

afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function failure(work: Promise<unknown>): Promise<FtctlError> {
  const error: unknown = await work.then(
    () => new Error('Nothing failed.'),
    (reason: unknown) => reason,
  );
  return FtctlError.from(error);
}

describe('writeFileAtomic', () => {
  it('replaces the file and leaves nothing else behind', async () => {
    const path = join(dir, 'a.json');
    await writeFileAtomic(path, 'old');
    await writeFileAtomic(path, Buffer.from('new'));
    expect(await readFile(path, 'utf8')).toBe('new');
    expect(await readdir(dir)).toEqual(['a.json']);
  });

  it('keeps the old file and removes the new one where the disk is full', async () => {
    const path = join(dir, 'a.json');
    await writeFileAtomic(path, 'old');
    faults.writeCode = 'ENOSPC';
    const error = await failure(writeFileAtomic(path, 'new'));
    expect(error.code).toBe('FT_DISK_FULL');
    expect(error.message).toBe(`Cannot write ${path}: no space is left on the disk (ENOSPC).`);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(dir)).toEqual(['a.json']);
  });

  it('removes its temporary file where the name is taken by a folder', async () => {
    const path = join(dir, 'folder');
    await mkdir(path);
    const error = await failure(writeFileAtomic(path, 'new'));
    expect(error.code).toBe('FT_NOT_WRITABLE');
    expect(error.message).toBe(`Cannot write ${path}: it is a folder (EISDIR).`);
    expect(await readdir(dir)).toEqual(['folder']);
  });

  it('says that the folder does not exist', async () => {
    const path = join(dir, 'absent', 'a.json');
    const error = await failure(writeFileAtomic(path, 'x'));
    expect(error.code).toBe('FT_NOT_WRITABLE');
    expect(error.message).toBe(`Cannot write ${path}: its folder does not exist (ENOENT).`);
  });

  it('leaves one whole file where several write the same one at once', async () => {
    const path = join(dir, 'a.json');
    const contents = Array.from({ length: 20 }, (_, i) => String(i).repeat(1000));
    await Promise.all(contents.map((text) => writeFileAtomic(path, text)));
    expect(contents).toContain(await readFile(path, 'utf8'));
    expect(await readdir(dir)).toEqual(['a.json']);
  });
});

describe('diskError', () => {
  it.each([
    ['ENOSPC', 'FT_DISK_FULL'],
    ['EDQUOT', 'FT_DISK_FULL'],
    ['EACCES', 'FT_NOT_WRITABLE'],
    ['EROFS', 'FT_NOT_WRITABLE'],
    ['EMFILE', 'FT_INTERNAL'],
  ])('makes of %s an %s', (code, expected) => {
    const error = diskError(Object.assign(new Error(code), { code }), '/run/a');
    expect(error.code).toBe(expected);
  });
});

describe('what to do about a path that cannot be written', () => {
  it.each([
    ['EACCES', 'Change its permissions, or choose another folder.'],
    ['EROFS', 'Mount it for writing, or choose another folder.'],
    ['EEXIST', 'Remove that file, or choose another folder.'],
    ['ENOTDIR', 'Remove that file, or choose another folder.'],
    ['ENOENT', 'Make it, or choose another folder.'],
    ['EISDIR', 'Name a file in it, or choose another name.'],
  ])('fits %s', (code, remedy) => {
    expect(diskError(Object.assign(new Error(code), { code }), '/run/a').remedy).toBe(remedy);
  });
});

describe('removeTemporaries', () => {
  it('removes what a killed writer left, and nothing else', async () => {
    const names = ['a.json', '.a.json.17-3.tmp', '.hidden', 'b.tmp', '.b.17-3.tmp.bak'];
    for (const name of names) await writeFile(join(dir, name), '');
    expect(await removeTemporaries(dir)).toEqual(['.a.json.17-3.tmp']);
    expect((await readdir(dir)).sort()).toEqual(
      names.filter((n) => n !== '.a.json.17-3.tmp').sort(),
    );
  });
});
