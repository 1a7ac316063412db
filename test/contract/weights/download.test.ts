import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  download,
  type DownloadOptions,
  type DownloadProgress,
} from '../../../src/util/download.js';
import { file, FileServer, status } from '../../support/weights/file-server.js';

const bytes = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919 + (i >> 8)) % 256));
const sha256 = (data: Buffer): string => createHash('sha256').update(data).digest('hex');
const expected = { algorithm: 'sha256', hex: sha256(bytes) } as const;

let cacheDir = '';
let server: FileServer;
let progress: DownloadProgress[];
beforeEach(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'ftctl-download-'));
  server = new FileServer();
  await server.start();
  progress = [];
});
afterEach(async () => {
  await server.stop();
  await rm(cacheDir, { recursive: true, force: true });
});

function get(changes: Partial<DownloadOptions> = {}): Promise<string> {
  return download({
    url: server.url('/models/net.pth?x=1'),
    ...{ expected, cacheDir, maxBytes: 1_000_000 },
    onProgress: (p) => progress.push(p),
    limits: { retryDelayMs: 10, stallMs: 2000, pollMs: 20 },
    ...changes,
  });
}

/** Compared as a whole: a difference would be as long as the file. */
async function expectBytes(path: string): Promise<void> {
  expect(bytes.equals(await readFile(path))).toBe(true);
}

/** What lies in the cache, but for folders. */
async function cached(): Promise<string[]> {
  const entries = await readdir(cacheDir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

describe('a download', () => {
  test('gives the file, tells how far it is, and is not made twice', async () => {
    server.answers = [file(bytes)];
    const path = await get();
    expect(path.endsWith('/net.pth')).toBe(true);
    await expectBytes(path);
    expect(progress.at(-1)).toEqual({
      ...{ message: 'Downloading net.pth', done: bytes.length, total: bytes.length },
    });
    expect(await get()).toBe(path);
    expect(server.requests.length).toBe(1);
    expect(await cached()).toEqual(['net.pth']);
  });

  test('that the start of a hash names is checked by it', async () => {
    server.answers = [file(bytes)];
    const start = { algorithm: 'sha256', hex: expected.hex.slice(0, 8) } as const;
    await expectBytes(await get({ expected: start }));
  });

  test('goes on where the connection was cut', async () => {
    server.answers = [
      file(bytes, { cutAfter: 100_000 }),
      file(bytes, { cutAfter: 50_000 }),
      file(bytes),
    ];
    await expectBytes(await get());
    const [first, second, third] = server.requests;
    expect(first!.range).toBeUndefined();
    for (const request of [second!, third!]) {
      expect(Number(/^bytes=(\d+)-$/.exec(request.range!)![1])).toBeGreaterThan(0);
      expect(request.ifRange).toBe('"v1"');
    }
  });

  test('starts anew where the file has changed meanwhile', async () => {
    const old = Buffer.alloc(bytes.length, 1);
    server.answers = [file(old, { etag: '"old"', cutAfter: 100_000 }), file(bytes)];
    await expectBytes(await get());
    expect(server.requests[1]!.ifRange).toBe('"old"');
  });

  test('starts anew where the server knows no ranges', async () => {
    server.answers = [file(bytes, { cutAfter: 100_000 }), file(bytes, { ranges: false })];
    await expectBytes(await get());
    expect(server.requests.length).toBe(2);
  });

  test('goes on after a process that was stopped', async () => {
    server.answers = [file(bytes, { stallAfter: 100_000 }), file(bytes)];
    const stop = new AbortController();
    const reason = new Error('stopped by the user');
    await expect(
      get({
        signal: stop.signal,
        onProgress: ({ done }) => {
          if (done >= 100_000) stop.abort(reason);
        },
      }),
    ).rejects.toBe(reason);
    expect((await cached()).sort()).toEqual(['part', 'part.json']);
    await expectBytes(await get());
    expect(server.requests[1]!.range).toBe('bytes=100000-');
  });

  test('whose part is of something else is made once more from the start', async () => {
    server.answers = [file(bytes)];
    const dir = dirname(await get());
    await rm(join(dir, 'net.pth'));
    await writeFile(join(dir, 'part'), Buffer.alloc(200_000, 9));
    const url = server.url('/models/net.pth?x=1');
    await writeFile(join(dir, 'part.json'), JSON.stringify({ url, validator: null }));
    await expectBytes(await get());
    expect(server.requests.map(({ range }) => range)).toEqual([
      undefined,
      'bytes=200000-',
      undefined,
    ]);
  });

  test('whose part is whole already is only checked', async () => {
    server.answers = [file(bytes)];
    const dir = dirname(await get());
    await rm(join(dir, 'net.pth'));
    await writeFile(join(dir, 'part'), bytes);
    const url = server.url('/models/net.pth?x=1');
    await writeFile(join(dir, 'part.json'), JSON.stringify({ url, validator: '"v1"' }));
    await expectBytes(await get());
    expect(server.requests.length).toBe(2);
  });

  test('that was damaged in the cache is made again', async () => {
    server.answers = [file(bytes)];
    const path = await get();
    await writeFile(path, 'x');
    await expectBytes(await get());
  });

  test('waits while the server is busy, as long as it says', async () => {
    server.answers = [status(503, { 'retry-after': '0' }), status(429), file(bytes)];
    await expectBytes(await get());
    expect(progress.map(({ message }) => message)).toContain(
      'Downloading net.pth: the server answers 503 Service Unavailable, trying again',
    );
  });

  test('of a server that falls silent is tried again', async () => {
    server.answers = [file(bytes, { stallAfter: 1000 }), file(bytes)];
    const limits = { retryDelayMs: 10, stallMs: 150 };
    await expectBytes(await get({ limits }));
    expect(progress.map(({ message }) => message)).toContain(
      'Downloading net.pth: the server sent nothing for 0.15 s, trying again',
    );
  });

  test('follows a server that leads on', async () => {
    server.answers = [status(302, { location: '/elsewhere' }), file(bytes)];
    await expectBytes(await get());
    expect(server.requests.map(({ path }) => path)).toEqual(['/models/net.pth?x=1', '/elsewhere']);
  });
});

describe('a download fails', () => {
  test('with the hash that the file has and the one that it must have', async () => {
    server.answers = [file(bytes)];
    const wrong = { algorithm: 'sha256', hex: 'f'.repeat(64) } as const;
    await expect(get({ expected: wrong })).rejects.toMatchObject({
      code: 'FT_DOWNLOAD_INTEGRITY',
      message: `${server.url('/models/net.pth?x=1')} as downloaded has the sha256 ${expected.hex}. It must be ${wrong.hex}.`,
    });
    expect(server.requests.length).toBe(1);
    expect((await cached()).filter((name) => name !== 'part.json')).toEqual([]);
  });

  test('at once where there is no such file', async () => {
    server.answers = [status(404)];
    await expect(get()).rejects.toMatchObject({
      code: 'FT_DOWNLOAD_FAILED',
      message: `${server.url('/models/net.pth?x=1')} cannot be downloaded: the server answers 404 Not Found.`,
      details: { status: 404, attempts: 1, bytes: 0 },
    });
    expect(server.requests.length).toBe(1);
  });

  test('after some attempts where the connection always breaks, and keeps what came', async () => {
    // The third gives nothing new, nor do those after it.
    server.answers = [file(bytes, { cutAfter: 1000 }), file(bytes, { cutAfter: 0 })];
    const limits = { retryDelayMs: 1, maxAttempts: 3 };
    await expect(get({ limits })).rejects.toMatchObject({
      code: 'FT_DOWNLOAD_FAILED',
      message: expect.stringMatching(
        /cannot be downloaded: .+ \(3 attempts\)\. 1000 bytes have arrived and are kept\.$/,
      ) as string,
    });
    expect((await cached()).sort()).toEqual(['part', 'part.json']);
  });

  test('with the reason where nobody listens', async () => {
    const url = server.url('/net.pth');
    await server.stop();
    await expect(get({ url, limits: { retryDelayMs: 1 } })).rejects.toMatchObject({
      code: 'FT_DOWNLOAD_FAILED',
      message: expect.stringMatching(
        /^http:\/\/127\.0\.0\.1:\d+\/net\.pth cannot be downloaded: .*ECONNREFUSED.* \(5 attempts\)\.$/,
      ) as string,
    });
  });

  test('before a byte is written where the file is too large', async () => {
    server.answers = [file(bytes)];
    await expect(get({ maxBytes: 1000 })).rejects.toMatchObject({
      code: 'FT_DOWNLOAD_FAILED',
      message: expect.stringContaining('it has 300000 bytes or more, over 1000.') as string,
    });
  });

  test('where the address, or one that it leads to, is not https', async () => {
    await expect(get({ url: 'http://example.org/x' })).rejects.toMatchObject({
      code: 'FT_DOWNLOAD_FAILED',
      message: 'http://example.org/x cannot be downloaded. An address starts with https://.',
    });
    server.answers = [status(301, { location: 'http://example.org/x' })];
    await expect(get()).rejects.toMatchObject({
      message: expect.stringContaining(
        'it leads to http://example.org/x, which is not https.',
      ) as string,
    });
  });
});

test('of several processes one downloads, and all get the file', { timeout: 60_000 }, async () => {
  // Slow enough that the others come while the first one downloads.
  server.answers = [
    (_request, response) => {
      response.writeHead(200, { etag: '"v1"', 'content-length': bytes.length });
      response.write(bytes.subarray(0, 1000));
      setTimeout(() => response.end(bytes.subarray(1000)), 4000);
    },
  ];
  const script = fileURLToPath(new URL('download-process.ts', import.meta.url));
  const args = ['--import', 'tsx', script, server.url('/net.pth'), expected.hex, cacheDir];
  const results = await Promise.all(
    Array.from({ length: 3 }, () => promisify(execFile)(process.execPath, args)),
  );
  const paths = new Set(results.map(({ stdout }) => stdout.trim()));
  expect(paths.size).toBe(1);
  await expectBytes([...paths][0]!);
  expect(server.requests.length).toBe(1);
});
