import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BlobStore, sha256Hex } from '../../../src/util/blob-store.js';

let dir = '';
let blobs: BlobStore;
const bytes = Buffer.from('contents');
const name = sha256Hex(bytes);

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-blobs-'));
  blobs = new BlobStore(dir);
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

test('a blob is named by its contents and read back', async () => {
  expect(await blobs.has(name)).toBe(false);
  expect(await blobs.put(bytes)).toBe(name);
  expect(await blobs.has(name)).toBe(true);
  expect(await blobs.read(name)).toEqual(bytes);
  expect(blobs.path(name)).toBe(join(dir, 'blobs', name));
  expect(await readdir(join(dir, 'blobs'))).toEqual([name]);
});

test('many writers of one blob leave one file', async () => {
  await Promise.all(Array.from({ length: 8 }, () => blobs.put(bytes)));
  expect(await readdir(join(dir, 'blobs'))).toEqual([name]);
});

test('a damaged blob is refused, removed, and made anew', async () => {
  await blobs.put(bytes);
  await writeFile(blobs.path(name), 'contentz');
  await expect(blobs.read(name)).rejects.toMatchObject({
    code: 'FT_BLOB_DAMAGED',
    message: `The cached file ${blobs.path(name)} is damaged. Its SHA-256 is ${sha256Hex('contentz')}.`,
  });
  expect(await blobs.has(name)).toBe(false);
  await blobs.put(bytes);
  expect(await blobs.read(name)).toEqual(bytes);
});

test('a put mends a damaged blob of the same size', async () => {
  await blobs.put(bytes);
  await writeFile(blobs.path(name), 'contentz');
  await blobs.put(bytes);
  expect(await blobs.read(name)).toEqual(bytes);
});

test('a blob that is not there is an error that names its file', async () => {
  await expect(blobs.read(name)).rejects.toMatchObject({
    code: 'FT_BLOB_MISSING',
    message: `The cached file ${blobs.path(name)} cannot be read.`,
  });
});

test('a name that is no hash never becomes a path', () => {
  expect(() => blobs.path('../../etc/passwd')).toThrow('not a SHA-256: ../../etc/passwd');
});

test('a cache folder that cannot be made is an error with its code', async () => {
  await writeFile(join(dir, 'blobs'), 'a file where the folder should be');
  await expect(blobs.put(bytes)).rejects.toMatchObject({ code: 'FT_NOT_WRITABLE' });
});
