import { dirname, join } from 'node:path';
import { z } from 'zod';
import { FtctlError } from '../../../errors/index.js';
import { maxWeightsBytes, readWeightsFile } from '../weights-file.js';

/** A model.json and the files that it says its weights are in, read. */
export interface TfjsFiles {
  readonly json: unknown;
  readonly shards: ReadonlyMap<string, Uint8Array>;
}

/** inception_v3's has 0.4 MB. */
const maxJsonBytes = 64 * 1024 * 1024;
const manifestSchema = z.looseObject({
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()) })),
});

/** The paths that a model.json names, relative to it. Throws FT_WEIGHTS_DAMAGED: a model may not name files elsewhere. */
function shardPaths(json: unknown, path: string): string[] {
  const parsed = manifestSchema.safeParse(json);
  const paths = parsed.success
    ? parsed.data.weightsManifest.flatMap((group) => group.paths)
    : undefined;
  const refused = (why: string): FtctlError =>
    new FtctlError('FT_WEIGHTS_DAMAGED', {
      what: `${path} is no model.json of tfjs.`,
      ...{ why, details: { path } },
    });
  if (paths?.every((name) => /^[\w.-]+$/.test(name) && !name.startsWith('.')) !== true) {
    throw refused('Its weightsManifest must name files that lie beside it.');
  }
  const seen = new Set<string>();
  const repeated = paths.find((name) => seen.size === seen.add(name).size);
  if (repeated !== undefined) throw refused(`Its weightsManifest names ${repeated} twice.`);
  return paths;
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readWeightsFile(path, maxJsonBytes);
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw new FtctlError('FT_WEIGHTS_DAMAGED', {
      what: `${path} is no JSON.`,
      cause: error,
      details: { path },
    });
  }
}

/** The model.json and its weight files, absolute: all that the weights depend on. Rejects with FT_WEIGHTS_* errors. */
export async function tfjsPaths(path: string): Promise<string[]> {
  const json = await readJson(path);
  return [path, ...shardPaths(json, path).map((name) => join(dirname(path), name))];
}

/** Rejects with FT_WEIGHTS_NOT_FOUND or FT_WEIGHTS_DAMAGED; all shards together are as large as a file of weights may be. */
export async function readTfjsFiles(path: string): Promise<TfjsFiles> {
  const json = await readJson(path);
  const shards = new Map<string, Uint8Array>();
  let bytesLeft = maxWeightsBytes;
  for (const name of shardPaths(json, path)) {
    const shard = await readWeightsFile(join(dirname(path), name), bytesLeft);
    bytesLeft -= shard.length;
    shards.set(name, shard);
  }
  return { json, shards };
}
