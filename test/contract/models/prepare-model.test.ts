import {
  appendFile,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ArchitectureSpec } from '../../../src/config/run-spec.js';
import { openFeatureEngine } from '../../../src/engines/onnx-feature-engine.js';
import { prepareModel, type PrepareProgress } from '../../../src/models/prepare-model.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import { encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import { BlobStore } from '../../../src/util/blob-store.js';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-prepare-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const width = 0.1;
const random: ArchitectureSpec = {
  architecture: 'mobilenet_v2',
  width,
  weights: 'random',
  integrity: null,
};

function prepare(spec: ArchitectureSpec, changes: { seed?: number; imageSize?: number } = {}) {
  const progress: PrepareProgress[] = [];
  const result = prepareModel(spec, {
    numClasses: 4,
    imageSize: 32,
    background: [255, 255, 255],
    normalise: null,
    seed: 1,
    cacheDir: join(dir, 'cache'),
    onProgress: (p) => progress.push(p),
    ...changes,
  });
  return result.then((prepared) => ({ prepared, progress }));
}

/** A file of weights for 1000 classes. */
async function writeWeights(name: string, seed: number): Promise<ArchitectureSpec> {
  const network = describeNetwork(torchvisionSpec('mobilenet_v2', width, 1000));
  const path = join(dir, name);
  await writeFile(path, encodeSafetensors(randomWeights(network, seed)));
  return { ...random, weights: path };
}

test('a prepared model is whole: its backbone runs, its blobs are there', async () => {
  const { prepared } = await prepare(random);
  expect(prepared).toEqual({
    architecture: 'mobilenet_v2',
    width,
    convention: 'torchvision',
    numClasses: 4,
    backboneSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    weightsSha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    head: {
      kind: 'linear',
      weightName: 'classifier.1.weight',
      biasName: 'classifier.1.bias',
      numFeatures: 1280,
      numClasses: 4,
    },
    classifier: 'new',
    preprocessing: {
      imageSize: 32,
      resizeSide: 32,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      background: [255, 255, 255],
    },
    phases: [
      {
        engine: 'head',
        trained: ['classifier.1.bias', 'classifier.1.weight'],
        ...{ statistics: [], boundaries: ['flatten'], numFeatures: 1280 },
        backboneSha256: prepared.backboneSha256,
      },
    ],
    parameters: [
      { name: 'classifier.1.bias', shape: [4] },
      { name: 'classifier.1.weight', shape: [4, 1280] },
    ],
    statistics: [],
  });
  const modelPath = new BlobStore(join(dir, 'cache')).path(prepared.backboneSha256);
  const engine = await openFeatureEngine({ modelPath, imageSize: 32, provider: 'cpu', threads: 1 });
  const features = await engine.run(new Float32Array(2 * 3 * 32 * 32).fill(0.5), 2);
  expect(features.length).toBe(2 * 1280);
  expect(features.some((value) => value > 0)).toBe(true);
  await engine.close();
});

test('the same model is found again and nothing is written', async () => {
  const first = await prepare(random);
  const path = join(dir, 'cache', 'blobs', first.prepared.backboneSha256);
  await utimes(path, 1, 1);
  const again = await prepare(random);
  expect(again.prepared).toEqual(first.prepared);
  expect(again.progress).toEqual([]);
  expect((await stat(path)).mtimeMs).toBe(1000);
});

test('what the result depends on is in the key', async () => {
  const { prepared } = await prepare(random);
  const otherSeed = await prepare(random, { seed: 2 });
  expect(otherSeed.prepared.weightsSha256).not.toBe(prepared.weightsSha256);
  const otherSize = await prepare(random, { imageSize: 64 });
  expect(otherSize.prepared.backboneSha256).not.toBe(prepared.backboneSha256);
  expect(otherSize.prepared.weightsSha256).toBe(prepared.weightsSha256);
});

test('a blob that is gone, or a damaged record, is made anew', async () => {
  const { prepared } = await prepare(random);
  const blob = join(dir, 'cache', 'blobs', prepared.backboneSha256);
  await rm(blob);
  expect((await prepare(random)).prepared).toEqual(prepared);
  expect((await stat(blob)).isFile()).toBe(true);
  const [record] = await readdir(join(dir, 'cache', 'prepared'));
  await writeFile(join(dir, 'cache', 'prepared', record!), '{"prepared": 1}');
  expect((await prepare(random)).prepared).toEqual(prepared);
});

describe('a file of weights', () => {
  test('gives its backbone; its classifier is replaced, and that is said each time', async () => {
    const spec = await writeWeights('w.safetensors', 5);
    const note = `The classifier of ${spec.weights} (1000 classes) was replaced by a new one of 4.`;
    const first = await prepare(spec);
    expect(first.progress.map(({ message }) => message)).toContain(note);
    const again = await prepare(spec);
    expect(again.progress.map(({ message }) => message)).toEqual([note]);
    // Random weights of the same seed are the same tensors.
    expect(first.prepared.weightsSha256).toBe(
      (await prepare(random, { seed: 5 })).prepared.weightsSha256,
    );
  });

  test('that is replaced by another is read again', async () => {
    const spec = await writeWeights('w.safetensors', 5);
    const { prepared } = await prepare(spec);
    await writeWeights('w.safetensors', 6);
    expect((await prepare(spec)).prepared.weightsSha256).not.toBe(prepared.weightsSha256);
  });

  test('that is not there is an error', async () => {
    const weights = join(dir, 'absent.safetensors');
    await expect(prepare({ ...random, weights })).rejects.toMatchObject({
      code: 'FT_WEIGHTS_NOT_FOUND',
      message: `The weights file ${weights} cannot be read: it does not exist.`,
    });
  });

  test('that is damaged is an error', async () => {
    const spec = await writeWeights('w.safetensors', 5);
    await appendFile(spec.weights, 'x');
    await expect(prepare(spec)).rejects.toMatchObject({
      code: 'FT_WEIGHTS_DAMAGED',
      message: `${spec.weights} is no intact safetensors file. 1 bytes at its end belong to no tensor.`,
    });
  });

  test('of another network is an error that shows both sides', async () => {
    const spec = await writeWeights('w.safetensors', 5);
    const error: unknown = await prepare({ ...spec, architecture: 'resnet18', width: 1 }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({
      code: 'FT_WEIGHTS_MISMATCH',
      message: expect.stringContaining(
        '  network: conv1.weight [64, 3, 7, 7] | weights: missing',
      ) as string,
    });
    // Nothing was stored.
    await expect(readdir(join(dir, 'cache'))).rejects.toThrow('ENOENT');
  });
});

test('weights of a package that are another network are refused before anything is fetched', async () => {
  const spec: ArchitectureSpec = {
    architecture: 'resnet18',
    width: 1,
    weights: 'npm:nsfwjs@4.4.0#mobilenet_v2_mid',
    integrity: 'sha512-x',
  };
  await expect(prepare(spec)).rejects.toMatchObject({
    code: 'FT_WEIGHTS_MISMATCH',
    message:
      'model.architecture is resnet18 with width 1. The weights of npm:nsfwjs@4.4.0#mobilenet_v2_mid are mobilenet_v2 with width 1.4.',
  });
});

test('an aborted preparation rejects with the reason and stores nothing', async () => {
  const reason = new Error('stopped by the user');
  const options = {
    numClasses: 4,
    imageSize: 32,
    background: [0, 0, 0],
    normalise: null,
    seed: 1,
    cacheDir: join(dir, 'cache'),
    signal: AbortSignal.abort(reason),
  } as const;
  await expect(prepareModel(random, options)).rejects.toBe(reason);
  await expect(readFile(join(dir, 'cache', 'prepared'))).rejects.toThrow('ENOENT');
});
