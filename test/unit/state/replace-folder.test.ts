import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceFolder, settleFolder } from '../../../src/util/replace-folder.js';

let parent: string;
let dir: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'replace-folder-'));
  dir = join(parent, 'model');
});
afterEach(async () => {
  await rm(parent, { recursive: true, force: true });
});

const fillWith =
  (text: string) =>
  (fresh: string): Promise<void> =>
    writeFile(join(fresh, 'a'), text);

async function expectOnly(text: string): Promise<void> {
  expect(await readdir(parent)).toEqual(['model']);
  expect(await readdir(dir)).toEqual(['a']);
  expect(await readFile(join(dir, 'a'), 'utf8')).toBe(text);
}

describe('replacing a folder', () => {
  it('makes one that was not there, and replaces one that was with all its files', async () => {
    await replaceFolder(dir, fillWith('first'));
    await writeFile(join(dir, 'b'), 'only of the first');
    await replaceFolder(dir, fillWith('second'));
    await expectOnly('second');
  });

  it('leaves the old one in its place when the new one cannot be filled', async () => {
    await replaceFolder(dir, fillWith('first'));
    const failing = replaceFolder(dir, async (fresh) => {
      await fillWith('half')(fresh);
      throw new Error('no space');
    });
    await expect(failing).rejects.toThrow('no space');
    await expectOnly('first');
  });

  it('keeps the old one through a kill between the renames and a failure after it', async () => {
    await replaceFolder(dir, fillWith('first'));
    await rename(dir, join(parent, '.model.old'));
    await mkdir(join(parent, '.model.new'));
    await expect(replaceFolder(dir, () => Promise.reject(new Error('no space')))).rejects.toThrow(
      'no space',
    );
    await expectOnly('first');
  });
});

describe('settling a folder', () => {
  it('puts the old one back where there is none, else removes it, and always the unfinished one', async () => {
    await replaceFolder(dir, fillWith('first'));
    await rename(dir, join(parent, '.model.old'));
    await mkdir(join(parent, '.model.new'));
    await settleFolder(dir);
    await expectOnly('first');
    await mkdir(join(parent, '.model.old'));
    await settleFolder(dir);
    await expectOnly('first');
  });

  it('does nothing where there is nothing', async () => {
    await settleFolder(dir);
    expect(await readdir(parent)).toEqual([]);
  });
});
