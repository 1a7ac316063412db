import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FtctlError } from '../errors/index.js';
import { writeFileAtomic } from '../util/atomic-file.js';
import { sha256Hex, type BlobStore } from '../util/blob-store.js';
import { inCache } from '../util/cache-folder-error.js';
import { makeFolder } from '../util/make-folder.js';
import type { PreparedModel } from './prepared-model.js';

/**
 * Remembers what was prepared: `<cacheDir>/prepared/<key>.json`, where the key covers everything that the result depends on.
 */

const rgb = z.tuple([z.number(), z.number(), z.number()]);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const headFields = {
  weightName: z.string(),
  biasName: z.string(),
  numFeatures: z.number(),
  numClasses: z.number(),
};
const phaseSchema = z.strictObject({
  engine: z.enum(['head', 'network']),
  trained: z.array(z.string()),
  statistics: z.array(z.string()),
  boundaries: z.array(z.string()).min(1),
  numFeatures: z.number(),
  backboneSha256: sha256,
});
const preparedSchema = z.strictObject({
  architecture: z.string(),
  width: z.number(),
  convention: z.enum(['torchvision', 'tensorflow']),
  numClasses: z.number(),
  backboneSha256: sha256,
  weightsSha256: sha256,
  head: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('linear'), ...headFields }),
    z.strictObject({
      kind: z.literal('convPool'),
      ...headFields,
      ...{ channels: z.number(), height: z.number(), width: z.number() },
    }),
  ]),
  classifier: z.enum(['new', 'kept']),
  preprocessing: z.strictObject({
    imageSize: z.number(),
    resizeSide: z.number(),
    mean: rgb,
    std: rgb,
    background: rgb,
  }),
  phases: z.array(phaseSchema).min(1),
  parameters: z.array(z.strictObject({ name: z.string(), shape: z.array(z.number()) })),
  statistics: z.array(
    z.strictObject({ layer: z.string(), channels: z.number(), momentum: z.number() }),
  ),
});
const recordSchema = z.strictObject({ prepared: preparedSchema, notes: z.array(z.string()) });

export interface PreparedRecord {
  readonly prepared: PreparedModel;
  /** What was said to the user when it was prepared, and is said again. */
  readonly notes: readonly string[];
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
  const { phases, weightsSha256 } = record.prepared;
  const needed = new Set([...phases.map((phase) => phase.backboneSha256), weightsSha256]);
  try {
    // Read, not only looked for: a damaged backbone would give wrong features, and they would be cached as right ones.
    await Promise.all([...needed].map((blob) => blobs.read(blob)));
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
