import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { create } from 'tar';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inspectData } from '../../../src/data/inspect.js';
import { archiveError } from '../../../src/util/unpack-guard.js';
import { dataInside, fetchArchive } from '../../../src/data/sources/archive.js';
import { listSource } from '../../../src/data/sources/list-source.js';
import { dataSpec } from '../../support/data/data-spec.js';
import { zipOf, type ZipEntry } from '../../support/data/zip.js';
import { failure, idsOf, imageFor } from './data-folder.js';
import { DataFolder } from './data-folder.js';

let dir: string;
let cacheDir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-archive-'));
  cacheDir = join(dir, 'cache');
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

async function put(name: string, bytes: Buffer | string): Promise<string> {
  const file = join(dir, name);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
  return file;
}

async function zip(entries: readonly ZipEntry[]): Promise<string> {
  return put('data.zip', zipOf(entries));
}

/** A tar archive of what `fill` writes. */
async function tar(
  fill: (folder: string) => Promise<unknown>,
  options: Parameters<typeof create>[0] = {},
): Promise<string> {
  const folder = join(dir, 'content');
  await mkdir(folder);
  await fill(folder);
  const file = join(dir, 'data.tar');
  await create({ ...options, file, cwd: folder }, await readdir(folder));
  return file;
}

const unpack = (
  file: string,
  options: Partial<Parameters<typeof fetchArchive>[2]> = {},
): Promise<string> => fetchArchive(file, null, { cacheDir, ...options });

/** Nothing but finished archives, and no file outside of them. */
async function leftovers(): Promise<string[]> {
  const found = await readdir(dir, { recursive: true });
  return found.filter((path) => /unpacked|evil|lock\.\d/.test(path));
}

const classes: ZipEntry[] = ['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png'].map((name) => ({ name }));

describe('an archive as a data source', () => {
  it('gives the same data as the folder that it was made of: tar, gzipped tar, zip', async () => {
    const folder = await DataFolder.create();
    const paths = ['a/1.png', 'a/2.png', 'b/1.png', 'b/2.png'];
    await folder.put(...paths);
    const plain = await folder.make();
    const entries = await Promise.all(
      paths.map(async (name) => ({ name, content: await imageFor(name) })),
    );
    const archives = {
      tar: join(folder.dir, 'data.tar'),
      tgz: join(folder.dir, 'data.tgz'),
      zip: join(folder.dir, 'data.zip'),
    };
    await create({ file: archives.tar, cwd: folder.root }, ['a', 'b']);
    await create({ file: archives.tgz, cwd: dirname(folder.root), gzip: true }, ['data']);
    await writeFile(archives.zip, zipOf(entries));
    for (const source of Object.values(archives)) {
      folder.root = join(folder.dir, 'cache', 'archives', sha256(await readFile(source)));
      if (source === archives.tgz) folder.root = join(folder.root, 'data');
      expect((await folder.make({ source })).hash).toBe(plain.hash);
      expect(idsOf(await folder.make({ source }))).toEqual(paths);
    }
    await folder.remove();
  });

  it('is called by its own name, not by where it is unpacked', async () => {
    const [small, torn] = [{ name: 'top/a/1.png' }, { name: 'top/b/1.png', content: 'x' }];
    const file = await zip([small, torn]);
    const options = { seed: 1, cacheDir };
    const report = await inspectData(dataSpec(file, 4), options);
    expect(report.name).toBe(`${file}/top`);
    expect(report.root).toContain(cacheDir);
    for (const { message, remedy } of report.problems) {
      expect(message).toContain(file);
      expect(message + remedy).not.toContain(cacheDir);
    }
    const empty = await put('noimg.zip', zipOf([{ name: 'a/notes.txt', content: 'x' }]));
    expect(await failure(listSource(dataSpec(empty, 4), { cacheDir }))).toEqual([
      'FT_DATA_EMPTY',
      `${empty}/a has no images in class folders.`,
    ]);
    const nested = ['one/train/a/1.png', 'one/val/a/1.png', 'two/train/a/1.png', 'two/val/a/1.png'];
    const sets = await put('sets.zip', zipOf(nested.map((name) => ({ name }))));
    const error: unknown = await listSource(dataSpec(sets, 4), { cacheDir }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({
      code: 'FT_DATA_LAYOUT',
      message: expect.stringContaining(`${sets}/one has folders for splits`) as string,
      remedy: expect.stringMatching(/^Set data\.within to one, or to another of /) as string,
    });
  });

  it('ends what is wrong with it in one dot', () => {
    expect(archiveError('a.tar', 'it is truncated.').message).toBe(
      'a.tar cannot be unpacked: it is truncated.',
    );
  });

  it('is unpacked once', async () => {
    const file = await zip(classes);
    const folder = await unpack(file);
    await writeFile(join(folder, 'mark'), '');
    expect(await unpack(file)).toBe(folder);
    expect(await readdir(folder)).toEqual(['a', 'b', 'mark']);
    expect(await leftovers()).toEqual([]);
  });

  it('is unpacked by one of several that ask at once', async () => {
    const file = await zip(classes);
    const messages: string[] = [];
    const onProgress = (message: string): void => void messages.push(message);
    const folders = await Promise.all([1, 2, 3].map(() => unpack(file, { onProgress })));
    expect(new Set(folders).size).toBe(1);
    expect(messages).toContain('waiting for another process that unpacks the same archive');
    expect(await leftovers()).toEqual([]);
  });

  it('is unpacked again where a process was killed in the middle', async () => {
    const file = await zip(classes);
    const work = join(cacheDir, 'archives', `.${sha256(await readFile(file))}`);
    await mkdir(join(work, 'unpacked', 'a', 'half'), { recursive: true });
    await writeFile(
      join(work, 'lock.1'),
      JSON.stringify({
        pid: 2 ** 22 + 1,
        host: (await import('node:os')).hostname(),
        startedAt: '1',
      }),
    );
    expect(await readdir(join(await unpack(file), 'a'))).toEqual(['1.png', '2.png']);
    expect(await leftovers()).toEqual([]);
  });

  it('is compared with its pinned hash before it is unpacked', async () => {
    const file = await zip(classes);
    const actual = sha256(await readFile(file));
    expect(await fetchArchive(file, actual, { cacheDir })).toContain(actual);
    const other = 'f'.repeat(64);
    expect(await failure(fetchArchive(file, other, { cacheDir }))).toEqual([
      'FT_DATA_INTEGRITY',
      `The archive ${file} has the SHA-256 ${actual}. The configuration pins ${other}.`,
    ]);
  });

  it('is hashed and unpacked as it was when it was opened, whatever takes its name then', async () => {
    const file = await zip(classes);
    const actual = sha256(await readFile(file));
    const folder = await fetchArchive(file, actual, {
      cacheDir,
      onProgress: (message) => {
        expect(message).toBe(`checking ${file}`);
        rmSync(file);
        writeFileSync(file, zipOf([{ name: 'evil' }]));
      },
    });
    expect(await readdir(folder)).toEqual(['a', 'b']);
  });

  it('is refused where it is written to after it was hashed', async () => {
    const file = await zip([{ name: 'large.png', content: randomBytes(5 * 2 ** 20) }, ...classes]);
    const messages: string[] = [];
    const writing = unpack(file, {
      onProgress: (message) => {
        messages.push(message);
        if (message === `unpacking ${file}`) appendFileSync(file, 'x');
      },
    });
    expect(await failure(writing)).toEqual([
      'FT_DATA_ARCHIVE',
      `${file} cannot be unpacked: it was written to while it was unpacked.`,
    ]);
    expect(messages).toContain(`unpacking ${file}`);
    expect(await leftovers()).toEqual([]);
  });

  it('stops when it is told to, and leaves nothing behind', async () => {
    const file = await zip(classes);
    const controller = new AbortController();
    const stopping = unpack(file, {
      signal: controller.signal,
      onProgress: () => {
        controller.abort(new Error('enough'));
      },
    });
    await expect(stopping).rejects.toThrow('enough');
    expect(await leftovers()).toEqual([]);
  });
});

describe('a hostile or damaged archive', () => {
  const refusedZips: [string, ZipEntry, RegExp][] = [
    ['a name with ..', { name: '../evil' }, /: invalid relative path: \.\.\/evil\.$/],
    [
      'a name with .. inside',
      { name: 'a/../../evil' },
      /: invalid relative path: a\/\.\.\/\.\.\/evil\.$/,
    ],
    ['an absolute name', { name: '/tmp/evil' }, /: absolute path: \/tmp\/evil\.$/],
    ['a name with a drive', { name: 'C:/evil' }, /: absolute path: C:\/evil\.$/],
    ['backslashes', { name: '..\\evil' }, /: invalid characters in fileName: \.\.\\evil\.$/],
    ['a name with a NUL', { name: 'a\0evil' }, /: "a\\u0000evil" is no name of a file\.$/],
    ['a name too long', { name: `a/${'x'.repeat(300)}` }, /\.\.\. has a name of over 255 bytes\.$/],
    [
      'a symbolic link',
      { name: 'l', content: '/etc', mode: 0o120777 },
      /: l is a link or a device, not a plain file\.$/,
    ],
    ['a device', { name: 'd', mode: 0o020666 }, /: d is a link or a device, not a plain file\.$/],
    ['an encrypted file', { name: 'e', says: { flags: 0x801 } }, /: e is encrypted\.$/],
    [
      'another compression',
      { name: 'e', says: { method: 12 } },
      /: e is compressed by method 12; stored and deflated files are read\.$/,
    ],
    [
      'a wrong checksum',
      { name: 'e', content: 'x', says: { crc: 1 } },
      /: the checksum of e is wrong\.$/,
    ],
    [
      'more bytes than it says',
      { name: 'e', content: 'x'.repeat(1e6), says: { size: 10 } },
      /: too many bytes in the stream/,
    ],
    [
      'fewer bytes than it says',
      { name: 'e', content: 'x', says: { size: 10 } },
      /: not enough bytes in the stream/,
    ],
  ];
  it.each(refusedZips)('is refused: a zip with %s', async (_name, entry, message) => {
    const file = await zip([{ name: 'good.png', content: 'x' }, entry]);
    const [code, text] = await failure(unpack(file));
    expect([code, text]).toEqual(['FT_DATA_ARCHIVE', expect.stringMatching(message)]);
    expect(await readdir(join(cacheDir, 'archives'))).toEqual([`.${sha256(await readFile(file))}`]);
    expect(await leftovers()).toEqual([]);
  });

  it('is refused: a zip with two files of one name, and one that a file takes for a folder', async () => {
    expect(await failure(unpack(await zip([{ name: 'a' }, { name: 'a' }])))).toEqual([
      'FT_DATA_ARCHIVE',
      `${join(dir, 'data.zip')} cannot be unpacked: two of its entries are called a.`,
    ]);
    expect((await failure(unpack(await zip([{ name: 'a' }, { name: 'a/b' }]))))[0]).toBe(
      'FT_DATA_ARCHIVE',
    );
  });

  it('is refused: a tar with a link, or a name that leads out', async () => {
    const linked = await tar(async (folder) => {
      await writeFile(join(folder, 'x'), '');
      await symlink('/etc/passwd', join(folder, 'y'));
    });
    expect(await failure(unpack(linked))).toEqual([
      'FT_DATA_ARCHIVE',
      `${linked} cannot be unpacked: y is a SymbolicLink, not a plain file.`,
    ]);
    await rm(join(dir, 'content'), { recursive: true });
    for (const path of ['../evil', '/tmp/ftctl-evil', 'a/../../evil']) {
      const file = await tar((folder) => writeFile(join(folder, 'file'), 'x'), {
        preservePaths: true,
        onWriteEntry: (entry) => {
          entry.path = path;
        },
      });
      expect(await failure(unpack(file))).toEqual([
        'FT_DATA_ARCHIVE',
        `${file} cannot be unpacked: ${JSON.stringify(path)} leads out of the folder.`,
      ]);
      await rm(join(dir, 'content'), { recursive: true });
    }
    expect(await leftovers()).toEqual([]);
  });

  it('may not have too many entries, too many bytes, or shrink too well', async () => {
    const limits = { maxEntries: 4, maxBytes: 2 ** 40, maxRatio: 100 };
    const many = Array.from({ length: 5 }, (_, i) => ({ name: `${i}` }));
    expect((await failure(unpack(await zip(many), { limits })))[1]).toMatch(
      /: over 4 files and folders\.$/,
    );
    const large = [{ name: 'a', content: 'x'.repeat(3000) }];
    expect(
      (await failure(unpack(await zip(large), { limits: { ...limits, maxBytes: 2999 } })))[1],
    ).toMatch(/: over 2999 bytes unpacked\.$/);
    // It says 4 GB and holds next to nothing: refused before a byte is written.
    const bomb = [{ name: 'a', says: { size: 4e9 } }];
    const file = await zip(bomb);
    const { length } = await readFile(file);
    expect((await failure(unpack(file, { limits })))[1]).toMatch(
      new RegExp(`: over 100 times its own ${length} bytes unpacked\\.$`),
    );
    // A small one may be of text, which shrinks a thousandfold.
    expect(
      await unpack(await zip([{ name: 'a', content: 'x'.repeat(1e6) }]), { limits }),
    ).toContain('archives');
  });

  it.each([
    ['xz', '\xfd7zXZ\0', 'it is compressed with xz; tar, gzipped tar and zip are read'],
    ['bzip2', 'BZh91AY', 'it is compressed with bzip2; tar, gzipped tar and zip are read'],
    [
      '7-Zip',
      '7z\xbc\xaf\x27\x1c',
      'it is compressed with 7-Zip; tar, gzipped tar and zip are read',
    ],
    ['RAR', 'Rar!\x1a\x07', 'it is compressed with RAR; tar, gzipped tar and zip are read'],
    ['nothing known', 'hello', 'it is no archive; tar, gzipped tar and zip are read'],
    ['a cut gzip', '\x1f\x8b\x08\0\0\0', 'unexpected end of file'],
    ['an empty zip', zipOf([]).toString('latin1'), 'no files in it'],
    ['a cut zip', zipOf(classes).subarray(0, 100).toString('latin1'), expect.any(String)],
  ])('is refused: %s', async (name, start, reason: unknown) => {
    const file = await put(name, Buffer.from(start, 'latin1'));
    const [code, message] = await failure(unpack(file));
    expect(code).toBe('FT_DATA_ARCHIVE');
    if (typeof reason === 'string') expect(message).toBe(`${file} cannot be unpacked: ${reason}.`);
    expect(await leftovers()).toEqual([]);
  });
});

describe('the data inside of an archive', () => {
  const inside = async (
    entries: readonly ZipEntry[],
    within: string | null = null,
  ): Promise<string> => {
    const root = await unpack(await zip(entries));
    return (await dataInside(root, within)).slice(root.length);
  };

  it('is its top, or the folder that is alone there, however deep', async () => {
    expect(await inside(classes)).toBe('');
    const wrapped = classes.map(({ name }) => ({ name: `set/v1/${name}` }));
    expect(await inside(wrapped)).toBe('/set/v1');
    // What Finder adds does not count, and is not unpacked.
    const mac = [...wrapped, { name: '__MACOSX/set/._a.png' }, { name: '.DS_Store' }];
    expect(await inside(mac)).toBe('/set/v1');
    expect(await inside([{ name: 'train/a/1.png' }])).toBe('');
  });

  it('is what data.within says', async () => {
    const entries = [...classes, { name: 'more/list.csv' }];
    expect(await inside(entries, 'more/list.csv')).toBe('/more/list.csv');
    expect(await failure(inside(entries, 'less'))).toEqual([
      'FT_DATA_NOT_FOUND',
      'The archive has no less. At its top it has: a, b, more.',
    ]);
  });
});

describe('a manifest inside of an archive', () => {
  const list = async (path: string): Promise<readonly string[]> => {
    const file = await zip([
      { name: 'images/a.png', content: 'x' },
      { name: 'lists/all.csv', content: `path,label\n../images/a.png,a\n${path},b\n` },
    ]);
    const spec = { ...dataSpec(file, 4), within: 'lists/all.csv' };
    return (await listSource(spec, { cacheDir })).files.map((listed) => listed.path);
  };

  it('names files of the archive', async () => {
    expect(await list('./b.png')).toEqual(['../images/a.png', 'b.png']);
    expect(await list('..b.png')).toEqual(['../images/a.png', '..b.png']);
  });

  it.each(['/etc/passwd', '../../a.png', '../../../../etc/passwd', 'x/../../../a.png', '../..'])(
    'may not name %s',
    async (path) => {
      const [code, message] = await failure(list(path));
      expect(code).toBe('FT_DATA_MANIFEST_ROW');
      expect(message).toMatch(/^Line 3 of .+all\.csv cannot be used: its path /);
      expect(message).toContain(
        `${JSON.stringify(path)} leads out of the archive that the manifest is in.`,
      );
    },
  );

  it('may not name a file of its own archive by its place in the cache either', async () => {
    const root = await unpack(await zip([{ name: 'images/a.png', content: 'x' }]));
    expect((await failure(list(join(root, 'images/a.png'))))[0]).toBe('FT_DATA_MANIFEST_ROW');
  });
});

describe('an archive of the network', () => {
  let server: Server;
  let requests: (string | undefined)[];
  let cutAfter: number;
  let bytes: Buffer;
  let url: string;
  beforeEach(async () => {
    requests = [];
    cutAfter = Infinity;
    bytes = zipOf(classes);
    server = createServer((request, response) => {
      const { range } = request.headers;
      requests.push(range);
      const start = Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0);
      response.writeHead(start > 0 ? 206 : 200, {
        'content-length': bytes.length - start,
        etag: '"1"',
        'accept-ranges': 'bytes',
        ...(start > 0
          ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` }
          : {}),
      });
      const part = bytes.subarray(start, start + cutAfter);
      if (part.length === bytes.length - start) response.end(part);
      else response.write(part, () => setTimeout(() => response.destroy(), 100));
      cutAfter = Infinity;
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data.zip`;
  });
  afterEach(() => {
    server.close();
  });

  it('is fetched and unpacked once by all that ask, and its download is not kept', async () => {
    const hash = sha256(bytes);
    const ask = (): Promise<string> => fetchArchive(url, hash, { cacheDir });
    const folders = await Promise.all([ask(), ask()]);
    expect(folders).toEqual(Array(2).fill(join(cacheDir, 'archives', hash)));
    expect(await ask()).toBe(folders[0]);
    expect(requests).toHaveLength(1);
    const kept = await readdir(join(cacheDir, 'downloads'), { recursive: true });
    expect(kept.filter((name) => name.endsWith('data.zip'))).toEqual([]);
  });

  it('goes on where the connection broke, and tells how far it is', async () => {
    cutAfter = 100;
    const progress: [number, number][] = [];
    const folder = await fetchArchive(url, sha256(bytes), {
      cacheDir,
      onProgress: (_message, done, total) => void progress.push([done, total]),
    });
    expect(await readdir(folder)).toEqual(['a', 'b']);
    expect(requests).toEqual([undefined, 'bytes=100-']);
    expect(progress).toContainEqual([bytes.length, bytes.length]);
  });

  it('is refused where its bytes are others', async () => {
    const [code] = await failure(fetchArchive(url, '0'.repeat(64), { cacheDir }));
    expect(code).toBe('FT_DOWNLOAD_INTEGRITY');
  });
});
