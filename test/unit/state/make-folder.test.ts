import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '../../../src/util/make-folder.js';

describe('makeFolder', () => {
  let dir = '';
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'ftctl-folder-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('makes a folder and those above it, also when several want it at once', async () => {
    const deep = join(dir, 'a', 'b', 'c');
    await Promise.all([makeFolder(deep), makeFolder(deep), makeFolder(join(dir, 'a', 'b'))]);
    expect((await stat(deep)).isDirectory()).toBe(true);
    await makeFolder(deep);
  });

  it('says when a file is in the way', async () => {
    const file = join(dir, 'file');
    await writeFile(file, '');
    await expect(makeFolder(join(file, 'x'))).rejects.toMatchObject({
      code: 'FT_NOT_WRITABLE',
      message: `Cannot write ${file}: a file lies where its folder should be (EEXIST).`,
    });
  });

  it.runIf(process.platform === 'linux')(
    'ends where the file system denies that the parent exists',
    async () => {
      await expect(makeFolder('/proc/ftctl/runs')).rejects.toMatchObject({
        code: 'FT_NOT_WRITABLE',
        message: 'Cannot write /proc/ftctl: its folder does not exist (ENOENT).',
      });
    },
  );
});
