import { mkdtemp, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withArchive } from '../../../src/util/open-archive.js';
import { unpackTarball } from '../../../src/util/unpack-tarball.js';
import { tarBomb, tarOf } from '../../support/data/tar.js';
import { failure } from './data-folder.js';

const gib = 1024 ** 3;
const limits = { maxEntries: 100, maxBytes: 64 * gib };

let dir: string;
let target: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-tar-'));
  target = join(dir, 'unpacked');
  await mkdir(target);
});
afterEach(() => rm(dir, { recursive: true }));

async function unpack(
  bytes: Buffer,
  options: Partial<Parameters<typeof unpackTarball>[2]> = {},
): Promise<void> {
  const file = join(dir, 'data.tar');
  await writeFile(file, bytes);
  await withArchive(file, (archive) => unpackTarball(archive, target, { limits, ...options }));
}

/** Runs `work` and watches the process: the longest time without a turn of the event loop, and the memory. */
async function watched(work: () => Promise<unknown>) {
  const rssBefore = process.memoryUsage.rss();
  let [longestMs, peakBytes, lastTurn] = [0, 0, performance.now()];
  const look = (): void => {
    longestMs = Math.max(longestMs, performance.now() - lastTurn);
    lastTurn = performance.now();
    peakBytes = Math.max(peakBytes, process.memoryUsage.rss() - rssBefore);
  };
  const timer = setInterval(look, 5);
  await work();
  look();
  clearInterval(timer);
  return { longestMs, peakMib: peakBytes / 1024 ** 2 };
}

describe('a tar', () => {
  it('is unpacked below its first component, with long names, in folders that it names or not', async () => {
    const long = 'x'.repeat(60);
    const name = `p/${long}/${long}.png`;
    await unpack(
      gzipSync(
        tarOf([
          { name: 'p/' },
          { name: 'p/a/', content: '' },
          { name: 'p/a/1.png', content: 'one' },
          { name, content: 'y'.repeat(100_000) },
          { name: 'p/empty' },
        ]),
      ),
      { strip: 1 },
    );
    expect(await readFile(join(target, 'a', '1.png'), 'utf8')).toBe('one');
    expect(await readFile(join(target, name.slice(2)), 'utf8')).toBe('y'.repeat(100_000));
    expect((await readdir(target)).sort()).toEqual(['a', 'empty', long]);
  });

  it('of one large file stops soon after an abort, and takes little memory and no long turn', async () => {
    const bytes = tarBomb(8 * 1024);
    const controller = new AbortController();
    let abortedAt = NaN;
    const onProgress = (): void => {
      setTimeout(() => {
        abortedAt = performance.now();
        controller.abort(new Error('enough'));
      }, 200);
    };
    const { longestMs, peakMib } = await watched(() =>
      expect(unpack(bytes, { signal: controller.signal, onProgress })).rejects.toThrow('enough'),
    );
    expect(performance.now() - abortedAt).toBeLessThan(1000);
    const { size } = await stat(join(target, 'bomb'));
    expect(size).toBeLessThan(8 * gib);
    expect(longestMs).toBeLessThan(500);
    expect(peakMib).toBeLessThan(150);
  });

  it.each([
    [
      'a file that says that it is too large',
      tarBomb(8 * 1024),
      { maxEntries: 9, maxBytes: gib },
      /: over 1073741824 bytes unpacked\.$/,
    ],
    [
      'a file before it that may not be there',
      tarBomb(8 * 1024, [{ name: '../evil' }]),
      limits,
      /: "\.\.\/evil" leads out of the folder\.$/,
    ],
  ])(
    'that is a bomb behind %s is refused at once, in little memory',
    async (_, bytes, limit, why) => {
      const start = performance.now();
      const { peakMib } = await watched(async () => {
        const [code, message] = await failure(unpack(bytes, { limits: limit }));
        expect([code, message]).toEqual(['FT_DATA_ARCHIVE', expect.stringMatching(why)]);
      });
      expect(performance.now() - start).toBeLessThan(1000);
      expect(peakMib).toBeLessThan(150);
      expect(await readdir(target)).toEqual([]);
    },
  );

  it('may pass over no more than it may hold', async () => {
    const options = { isIgnored: () => true, limits: { maxEntries: 9, maxBytes: gib } };
    expect((await failure(unpack(tarBomb(2048), options)))[1]).toMatch(/: over 1073741824 bytes/);
  });

  it('that is gzipped twice is refused, since nothing bounds what becomes of it', async () => {
    const bytes = gzipSync(gzipSync(tarOf([{ name: 'a', content: 'x' }])));
    expect((await failure(unpack(bytes)))[1]).toMatch(/: it is gzipped twice\.$/);
  });

  it.each([
    ['two files of one name', ['a', 'b', 'a'], 'two of its entries are called a'],
    ['a file and below it another', ['a', 'a/b.png'], 'it has a file where a is a folder'],
    [
      'a file, and deep below it a folder',
      ['a', 'a/b/c/'],
      'it has a file where a/b/c/ is a folder',
    ],
    ['a folder, and a file of its name', ['a/', 'a'], 'two of its entries are called a'],
  ])('with %s is refused as such, and not as a fault of the cache', async (_, names, why) => {
    expect(await failure(unpack(tarOf(names.map((name) => ({ name })))))).toEqual([
      'FT_DATA_ARCHIVE',
      `${join(dir, 'data.tar')} cannot be unpacked: ${why}.`,
    ]);
  });
});
