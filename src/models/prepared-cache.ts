import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FtctlError } from '../errors/index.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { sha256Hex, type BlobStore } from '../util/blob-store.js';
import { inCache } from '../util/cache-folder-error.js';
import { makeFolder } from '../util/make-folder.js';
import type { PreparedModel } from './prepared-model.js';
import { weightsNotFound } from './weights/weights-not-found.js';
import type { WeightsSource } from './weights/weights-source.js';

/**
 * Remembers what was prepared: `<cacheDir>/prepared/<key>.json`, where the key covers everything that the result depends on.
 */

const rgb = z.tuple([z.number(), z.number(), z.number()]);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const preparedSchema = z.strictObject({
  architecture: z.string(),
  width: z.number(),
  convention: z.enum(['torchvision', 'tensorflow']),
  numClasses: z.number(),
  backboneSha256: sha256,
  weightsSha256: sha256,
  head: z.strictObject({
    weightName: z.string(),
    biasName: z.string(),
    numFeatures: z.number(),
    numClasses: z.number(),
  }),
  preprocessing: z.strictObject({ imageSize: z.number(), mean: rgb, std: rgb, background: rgb }),
});
const recordSchema = z.strictObject({ prepared: preparedSchema, notes: z.array(z.string()) });

export interface PreparedRecord {
  readonly prepared: PreparedModel;
  /** What was said to the user when it was prepared, and is said again. */
  readonly notes: readonly string[];
}

/**
 * What identifies weights without reading them: the pinned hash of a package; a file's path, size, inode and times (a file
 * that is replaced or written to changes at least one); the seed of random ones. Rejects with FT_WEIGHTS_NOT_FOUND.
 */
export async function weightsIdentity(source: WeightsSource, seed: number): Promise<unknown> {
  if (source.type === 'random') return { random: seed };
  if (source.type === 'nsfwjs') return { npm: source.name, integrity: source.integrity };
  try {
    const { size, ino, mtimeNs, ctimeNs } = await stat(source.path, { bigint: true });
    return { file: source.path, stat: [size, ino, mtimeNs, ctimeNs].map(String) };
  } catch (error) {
    throw weightsNotFound(source.path, error);
  }
}

/** A name for `parts`, which must be JSON in a fixed key order. */
export function preparedKey(parts: Readonly<Record<string, unknown>>): string {
  return sha256Hex(JSON.stringify(parts));
}

/** What was prepared under the key, if it and its blobs are still there and intact: a damaged blob is removed. */
export async function findPrepared(
  cacheDir: string,
  key: string,
  blobs: BlobStore,
): Promise<PreparedRecord | undefined> {
  let record: PreparedRecord;
  try {
    record = recordSchema.parse(JSON.parse(await readFile(pathOf(cacheDir, key), 'utf8')));
  } catch {
    return undefined; // Absent or damaged: it is made anew.
  }
  const { backboneSha256, weightsSha256 } = record.prepared;
  try {
    // Read, not only looked for: a damaged backbone would give wrong features, and they would be cached as right ones.
    await Promise.all([blobs.read(backboneSha256), blobs.read(weightsSha256)]);
    return record;
  } catch (error) {
    const { code } = FtctlError.from(error);
    if (code === 'FT_BLOB_MISSING' || code === 'FT_BLOB_DAMAGED') return undefined;
    throw error;
  }
}

export async function rememberPrepared(
  cacheDir: string,
  key: string,
  record: PreparedRecord,
): Promise<void> {
  const path = pathOf(cacheDir, key);
  await inCache(cacheDir, async () => {
    await makeFolder(dirname(path));
    await writeFileAtomic(path, JSON.stringify(record));
  });
}

function pathOf(cacheDir: string, key: string): string {
  return join(cacheDir, 'prepared', `${key}.json`);
}
