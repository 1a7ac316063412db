import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import type { RunSpec } from '../../../src/config/run-spec.js';
import { exportModel, prepareModelOf } from '../../../src/coordinator/export-model.js';
import { initialHead } from '../../../src/models/head.js';
import type { PreparedModel } from '../../../src/models/prepared-model.js';
import { BlobStore } from '../../../src/util/blob-store.js';

const classNames = ['a', 'b', 'c'];
let dir: string;
let spec: RunSpec;
let prepared: PreparedModel;
let warnings: string[];
let progress: string[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-export-'));
  const config = join(dir, 'config.yaml');
  await writeFile(
    config,
    JSON.stringify({
      apiVersion: 'ftctl/v1',
      kind: 'TrainingRun',
      data: { source: dir, imageSize: 32 },
      model: { architecture: 'mobilenet_v2', width: 0.1, weights: 'random' },
      phases: [{ train: 'head', epochs: 1 }],
      cache: { path: join(dir, 'cache') },
    }),
  );
  ({ spec } = await loadConfig({ path: config }));
  prepared = await prepareModelOf(spec, { runsDir: dir, classNames });
  warnings = [];
  progress = [];
});
afterEach(() => rm(dir, { recursive: true }));

async function exported(name: string, of: RunSpec = spec): Promise<Map<string, Buffer>> {
  const modelDir = join(dir, name);
  await exportModel(modelDir, {
    ...{ spec: of, runsDir: dir, prepared, manifest: { classIds: classNames, classNames } },
    parameters: initialHead(prepared.head, 5),
    ...{ statistics: new Float32Array(0), updates: [1] },
    onWarning: (message) => warnings.push(message),
    onProgress: ({ message }) => progress.push(message),
  });
  const names = (await readdir(modelDir)).sort();
  return new Map(
    await Promise.all(
      names.map(async (each) => [each, await readFile(join(modelDir, each))] as const),
    ),
  );
}

describe('the export of a trained model', () => {
  it('makes the weights anew that the cache has lost during the run, and the same files', async () => {
    const before = await exported('before');
    expect(before.size).toBe(5);
    expect([...warnings, ...progress]).toEqual([]);
    await rm(spec.cache.path, { recursive: true });
    expect(await exported('after')).toEqual(before);
    const path = new BlobStore(spec.cache.path).path(prepared.weightsSha256);
    expect(warnings).toEqual([
      `The cached file ${path} cannot be read. The pretrained weights are prepared again.`,
    ]);
    expect(progress).toContain('Loading weights'); // whoever waits for the run's end sees life
  });

  it('makes damaged weights anew', async () => {
    const before = await exported('before');
    await writeFile(new BlobStore(spec.cache.path).path(prepared.weightsSha256), 'damaged');
    expect(await exported('after')).toEqual(before);
    expect(warnings).toEqual([expect.stringContaining('is damaged.')]);
  });

  it('fails where the weights are not those trained on any more', async () => {
    await rm(spec.cache.path, { recursive: true });
    await expect(exported('after', { ...spec, seed: spec.seed + 1 })).rejects.toMatchObject({
      code: 'FT_BLOB_MISSING',
    });
    expect(await readdir(dir)).not.toContain('after');
  });
});
