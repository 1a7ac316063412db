import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { FtctlError } from '../../../errors/index.js';
import type { NetworkSpec } from '../../registry.js';
import type { StoredTensor } from '../tensor-set.js';
import { readGraphModel } from './graph-model.js';
import { exportedLiteral } from './js-literal.js';
import { mapMobilenetGraph } from './mobilenet-graph.js';

/**
 * MobileNetV2 1.4 out of the npm package nsfwjs: `dist/models/mobilenet_v2_mid/*.min.js` are bundler wrappers around the
 * model's JSON and around the base64 of its weights. They are read as text and never executed.
 */

const modelDir = ['dist', 'models', 'mobilenet_v2_mid'];
const width = 1.4;
/** The real ones have 0.13 and 5.6 MB. */
const maxFileBytes = 64 * 1024 * 1024;

async function readText(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > maxFileBytes) throw new Error(`it has ${size} bytes, over ${maxFileBytes}`);
      return await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new FtctlError('FT_WEIGHTS_NOT_FOUND', {
      what: `The weights file ${path} cannot be read.`,
      why: error instanceof Error ? error.message : String(error),
      cause: error,
      details: { path },
    });
  }
}

function decodeBase64(text: unknown, path: string): Uint8Array {
  if (typeof text !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    throw new Error(`${path} holds no base64 text`);
  }
  return Buffer.from(text, 'base64');
}

/** Reads the model out of the unpacked package in `packageDir`. Rejects with FT_WEIGHTS_NOT_FOUND or FT_WEIGHTS_DAMAGED. */
export async function readNsfwjsMobilenet(
  packageDir: string,
  numClasses: number,
): Promise<{ spec: NetworkSpec; tensors: Map<string, StoredTensor> }> {
  const dir = join(packageDir, ...modelDir);
  const modelText = await readText(join(dir, 'model.min.js'));
  const shardNames = ['group1-shard1of2', 'group1-shard2of2'];
  const shardTexts = await Promise.all(
    shardNames.map((name) => readText(join(dir, `${name}.min.js`))),
  );
  try {
    const shards = new Map(
      shardNames.map((name, i) => [name, decodeBase64(exportedLiteral(shardTexts[i]!), name)]),
    );
    const graph = readGraphModel(exportedLiteral(modelText), (path) => {
      const bytes = shards.get(path);
      if (bytes === undefined) throw new Error(`it asks for the weights file ${path}`);
      return bytes;
    });
    return mapMobilenetGraph(graph, { width, numClasses });
  } catch (error) {
    throw new FtctlError('FT_WEIGHTS_DAMAGED', {
      what: `The model in ${dir} cannot be used.`,
      why: `Reading it failed: ${error instanceof Error ? error.message : String(error)}.`,
      cause: error,
      details: { path: dir },
    });
  }
}
