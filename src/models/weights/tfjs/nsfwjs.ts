import { join } from 'node:path';
import { FtctlError } from '../../../errors/index.js';
import { readWeightsFile } from '../weights-file.js';
import { exportedLiteral } from './js-literal.js';
import { nsfwjsModels, type NsfwjsModelName } from './nsfwjs-models.js';
import { readTfjs, type TfjsModel } from './read-tfjs.js';

/**
 * Networks out of the npm package nsfwjs: `dist/models/NAME/*.min.js` are bundler wrappers around the model's JSON and around
 * the base64 of its weights. They are read as text and never executed.
 */

/** The largest real one has 5.6 MB. */
const maxFileBytes = 64 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  return (await readWeightsFile(path, maxFileBytes)).toString('utf8');
}

function decodeBase64(text: unknown, path: string): Uint8Array {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new Error(`${path} holds no base64 text`);
  }
  return Buffer.from(text, 'base64');
}

/** Reads a model out of the unpacked package in `packageDir`. Rejects with FT_WEIGHTS_NOT_FOUND or FT_WEIGHTS_DAMAGED. */
export async function readNsfwjs(packageDir: string, model: NsfwjsModelName): Promise<TfjsModel> {
  const { numShards } = nsfwjsModels[model];
  const dir = join(packageDir, 'dist', 'models', model);
  const modelText = await readText(join(dir, 'model.min.js'));
  const shardNames = Array.from(
    { length: numShards },
    (_, i) => `group1-shard${i + 1}of${numShards}`,
  );
  const shardTexts = await Promise.all(
    shardNames.map((name) => readText(join(dir, `${name}.min.js`))),
  );
  try {
    const shards = new Map(
      shardNames.map((name, i) => [name, decodeBase64(exportedLiteral(shardTexts[i]!), name)]),
    );
    const shardBytes = (path: string): Uint8Array => {
      const bytes = shards.get(path);
      if (bytes === undefined) throw new Error(`it asks for the weights file ${path}`);
      return bytes;
    };
    return readTfjs(exportedLiteral(modelText), shardBytes);
  } catch (error) {
    throw new FtctlError('FT_WEIGHTS_DAMAGED', {
      what: `The model in ${dir} cannot be used.`,
      why: `Reading it failed: ${error instanceof Error ? error.message : String(error)}.`,
      cause: error,
      details: { path: dir },
    });
  }
}
