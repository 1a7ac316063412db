import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readLargeFile, sha256InTurns, sha256Of } from '../../../src/util/large-bytes.js';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-large-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

const bytesAndChunk = [
  fc.uint8Array({ maxLength: 100 }),
  fc.integer({ min: 1, max: 120 }),
] as const;

it('hashes in chunks of any size as at once', async () => {
  await fc.assert(
    fc.asyncProperty(...bytesAndChunk, async (bytes, chunkBytes) => {
      const whole = createHash('sha256').update(bytes).digest();
      expect(sha256Of(bytes, chunkBytes)).toEqual(whole);
      expect(await sha256InTurns(bytes, chunkBytes)).toEqual(whole);
    }),
  );
});

it('reads a file in chunks of any size as at once', async () => {
  const path = join(dir, 'file');
  await fc.assert(
    fc.asyncProperty(...bytesAndChunk, async (bytes, chunkBytes) => {
      await writeFile(path, bytes);
      expect(await readLargeFile(path, chunkBytes)).toEqual(Buffer.from(bytes));
    }),
  );
});

it('rejects as reading does', async () => {
  await expect(readLargeFile(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT' });
});

it('lets others have their turn while it hashes', async () => {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, 0);
  // 64 chunks, of at least 1 ms in all.
  await sha256InTurns(new Uint8Array(64 * 2 ** 18), 2 ** 18);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
});
