import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClassifier } from '../../../src/engines/image-classifier.js';
import { writeArtifacts } from '../../../src/models/artifacts.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import type { PreparedModel } from '../../../src/models/prepared-model.js';
import { initialParameters, initialStatistics } from '../../../src/models/run-tensors.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { readRunWeights, type RunWeights } from '../../../src/models/weights/run-weights.js';
import { decodeSafetensors } from '../../../src/models/weights/safetensors.js';
import type { TensorSet } from '../../../src/models/weights/tensor-set.js';
import { OnnxSession } from '../../../src/engines/onnx-session.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { randomFloats } from '../engines/phase-batches.js';

/** A run that has trained the last layers, and moved the statistics of their batch norms. */

const classNames = ['one', 'two', 'three'];
const imageSize = 32;
let dir = '';
let prepared: PreparedModel;
let weights: RunWeights;
let before: Float32Array;
let tensors: TensorSet;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-trained-'));
  const cacheDir = join(dir, 'cache');
  const blobs = new BlobStore(cacheDir);
  prepared = await prepareModel(
    { architecture: 'mobilenet_v2', width: 0.1, weights: 'random', integrity: null },
    {
      ...{ numClasses: 3, imageSize, background: [0, 0, 0], normalise: null, seed: 1, cacheDir },
      phases: [
        { train: ['head'], except: [], batchNorm: 'frozen' },
        { train: ['features.17.conv.1'], except: ['features.18.0'], batchNorm: 'shard' },
      ],
    },
  );
  weights = (await readRunWeights(prepared, blobs))!;
  before = initialParameters(prepared, weights.tensors, 1);
  await writeArtifacts(join(dir, 'model'), {
    ...{ prepared, blobs, classIds: classNames, classNames },
    parameters: before.map((value) => value * 1.5),
    statistics: initialStatistics(prepared, weights.tensors).map((value) => value * 2),
    updates: [7, 4],
  });
  const bytes = await readFile(join(dir, 'model', 'model.safetensors'));
  ({ tensors } = decodeSafetensors(bytes, 'model'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

test('its phases have prefixes of their own', () => {
  const [head, layers] = prepared.phases;
  expect(head!.backboneSha256).toBe(prepared.backboneSha256);
  expect(layers!.backboneSha256).not.toBe(prepared.backboneSha256);
  expect(layers!.engine).toBe('network');
  expect(prepared.statistics.every(({ layer }) => layer.startsWith('features.1'))).toBe(true);
});

test('its state dict is whole: what was trained, and the rest as it was', () => {
  expect([...tensors.keys()]).toEqual(stateDictSpecs(weights.network).map(({ name }) => name));
  const trained = new Set(prepared.parameters.map(({ name }) => name));
  const normalised = new Set(prepared.statistics.map(({ layer }) => layer));
  expect(normalised.has('features.18.1')).toBe(true);
  expect(trained.has('features.18.0.weight')).toBe(false);
  for (const [name, { data }] of weights.tensors) {
    const layer = name.slice(0, name.lastIndexOf('.'));
    const after = tensors.get(name)!.data;
    if (name.endsWith('.num_batches_tracked')) {
      expect(after).toEqual(BigInt64Array.of(normalised.has(layer) ? 4n : 0n));
    } else if (/\.running_(mean|var)$/.test(name)) {
      const values = data as Float32Array;
      expect(after).toEqual(normalised.has(layer) ? values.map((value) => value * 2) : values);
    } else {
      const values = data as Float32Array;
      expect(after).toEqual(trained.has(name) ? values.map((value) => value * 1.5) : values);
    }
  }
});

test('its ONNX file computes what the state dict says', async () => {
  const images = randomFloats(2 * 3 * imageSize * imageSize, 2, 5);
  const classifier = await openClassifier(join(dir, 'model', 'model.onnx'), { threads: 1 });
  const graph = lowerNetwork(weights.network, tensors, {
    ...{ imageSize, output: weights.network.output, outputName: 'logits' },
  });
  const session = await OnnxSession.open(graph, { provider: 'cpu', threads: 1 });
  try {
    const dims = [2, 3, imageSize, imageSize];
    const expected = await session.run({ images: { data: images, dims } });
    expect(await classifier.logits(images, 2)).toEqual(expected['logits']);
  } finally {
    await Promise.all([session.close(), classifier.close()]);
  }
});
