import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Rgb } from '../../../src/config/run-spec.js';
import { openClassifier } from '../../../src/engines/image-classifier.js';
import { openFeatureEngine } from '../../../src/engines/onnx-feature-engine.js';
import { readArtifacts, stateDict, writeArtifacts } from '../../../src/models/artifacts.js';
import { headTensors, initialHead } from '../../../src/models/head.js';
import { decodeOnnx } from '../../../src/models/onnx/schema.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import type { PreparedModel } from '../../../src/models/prepared-model.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { decodeSafetensors } from '../../../src/models/weights/safetensors.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { randomFloats } from '../engines/phase-batches.js';

const classIds = ['1', '2', '3'];
const classNames = ['one', 'two', 'three'];
const imageSize = 32;
let dir = '';
let blobs: BlobStore;
let prepared: PreparedModel;
let parameters: Float32Array;

/** A classifier is all that has moved. */
const trained = () => ({
  ...{ prepared, blobs, parameters, statistics: new Float32Array(0), updates: [1] },
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-artifacts-'));
  const cacheDir = join(dir, 'cache');
  blobs = new BlobStore(cacheDir);
  prepared = await prepareModel(
    { architecture: 'mobilenet_v2', width: 0.1, weights: 'random', integrity: null },
    { numClasses: 3, imageSize, background: [0, 0, 0], normalise: null, seed: 1, cacheDir },
  );
  parameters = initialHead(prepared.head, 1);
  await writeArtifacts(join(dir, 'model'), { ...trained(), classIds, classNames });
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

test('the folder has its five files and nothing temporary stays beside it', async () => {
  expect((await readdir(join(dir, 'model'))).sort()).toEqual([
    'class-ids.json',
    'labels.json',
    'model.onnx',
    'model.safetensors',
    'preprocessing.json',
  ]);
  expect((await readdir(dir)).sort()).toEqual(['cache', 'model']);
});

test('what is written is read back', async () => {
  expect(await readArtifacts(join(dir, 'model'))).toEqual({
    modelPath: join(dir, 'model', 'model.onnx'),
    weightsPath: join(dir, 'model', 'model.safetensors'),
    classIds,
    classNames,
    preprocessing: prepared.preprocessing,
  });
});

test('the model says its labels and preprocessing itself', async () => {
  const model = decodeOnnx(await readFile(join(dir, 'model', 'model.onnx')));
  const metadata = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
  expect(JSON.parse(metadata['ftctl.labels']!)).toEqual(classNames);
  expect(JSON.parse(metadata['ftctl.preprocessing']!)).toEqual({
    ...prepared.preprocessing,
    ...{ channelOrder: 'RGB', valueRange: [0, 1] },
  });
});

test('the weights say their preprocessing, and a run that normalises otherwise is refused', async () => {
  const weights = join(dir, 'model', 'model.safetensors');
  const { mean, std } = prepared.preprocessing;
  const again = (normalise: { mean: Rgb; std: Rgb } | null) =>
    prepareModel(
      { architecture: prepared.architecture, width: prepared.width, weights, integrity: null },
      {
        ...{ numClasses: 2, imageSize, background: [0, 0, 0], normalise, seed: 1 },
        cacheDir: join(dir, 'cache'),
      },
    );
  await expect(again({ mean, std })).resolves.toMatchObject({ preprocessing: { mean, std } });
  await expect(again({ mean: [0, 0, 0], std: [1, 1, 1] })).rejects.toMatchObject({
    code: 'FT_WEIGHTS_PREPROCESSING',
    message: `The run normalises images with mean [0, 0, 0] and std [1, 1, 1]. The weights of ${weights} need mean [${mean.join(', ')}] and std [${std.join(', ')}].`,
  });
});

test("the whole network's logits are the backbone's features times the head", async () => {
  const images = randomFloats(2 * 3 * imageSize * imageSize, 2, 5);
  const classifier = await openClassifier(join(dir, 'model', 'model.onnx'), { threads: 1 });
  const backbone = await openFeatureEngine({
    modelPath: blobs.path(prepared.backboneSha256),
    imageSize,
    provider: 'cpu',
    threads: 1,
  });
  expect([classifier.numClasses, classifier.imageSize]).toEqual([3, imageSize]);
  const logits = await classifier.logits(images, 2);
  const features = await backbone.run(images, 2);
  const { numFeatures, weightName, biasName } = prepared.head;
  const head = headTensors(prepared.head, parameters);
  const weight = head.get(weightName)!.data as Float32Array;
  const bias = head.get(biasName)!.data as Float32Array;
  for (let row = 0; row < 2; row++) {
    for (let k = 0; k < 3; k++) {
      let sum = bias[k]!;
      for (let f = 0; f < numFeatures; f++) {
        sum += features[row * numFeatures + f]! * weight[k * numFeatures + f]!;
      }
      expect(logits[row * 3 + k]).toBeCloseTo(sum, 4);
    }
  }
  await classifier.close();
  await backbone.close();
});

test("the state dict has torchvision's names, order and types, and the trained head", async () => {
  const bytes = await readFile(join(dir, 'model', 'model.safetensors'));
  const { tensors, metadata } = decodeSafetensors(bytes, 'model');
  const network = describeNetwork(torchvisionSpec('mobilenet_v2', 0.1, 3));
  expect([...tensors.keys()]).toEqual(stateDictSpecs(network).map(({ name }) => name));
  expect(tensors.get('features.0.1.num_batches_tracked')).toEqual({
    shape: [],
    data: BigInt64Array.of(0n),
  });
  expect(tensors.get('classifier.1.weight')).toEqual(
    headTensors(prepared.head, parameters).get('classifier.1.weight'),
  );
  expect(metadata.get('format')).toBe('pt');
});

test('writing again replaces the folder', async () => {
  const other = {
    ...trained(),
    classIds,
    classNames,
    parameters: parameters.map((value) => value + 1),
  };
  const target = join(dir, 'replaced');
  await writeArtifacts(target, { ...trained(), classIds, classNames });
  const before = await readFile(join(target, 'model.onnx'));
  await writeFile(join(target, 'stray'), '');
  await writeArtifacts(target, other);
  expect((await readFile(join(target, 'model.onnx'))).equals(before)).toBe(false);
  expect(await readdir(target)).toHaveLength(5);
  await rm(target, { recursive: true });
});

test('a network that pads as TensorFlow does has no state dict, and asking for it is refused', () => {
  const spec = { ...torchvisionSpec('mobilenet_v2', 1.4, 3), convention: 'tensorflow' } as const;
  expect(() => stateDict(spec, new Map())).toThrow(
    expect.objectContaining({
      code: 'FT_MODEL_NO_STATE_DICT',
      message:
        'This mobilenet_v2 pads as TensorFlow does. torchvision pads on both sides alike, so the same weights would give other results there.',
    }),
  );
});

describe('a folder that cannot be used is refused', () => {
  test('when there is none', async () => {
    const path = join(dir, 'absent', 'labels.json');
    await expect(readArtifacts(join(dir, 'absent'))).rejects.toMatchObject({
      code: 'FT_ARTIFACTS_NOT_FOUND',
      message: `The trained model's file ${path} cannot be read: it does not exist.`,
    });
  });

  test('when a file is damaged', async () => {
    const target = join(dir, 'damaged');
    await writeArtifacts(target, { ...trained(), classIds, classNames });
    await writeFile(join(target, 'preprocessing.json'), '{"imageSize": -1}');
    await expect(readArtifacts(target)).rejects.toMatchObject({
      code: 'FT_ARTIFACTS_DAMAGED',
      message: `The trained model's file ${join(target, 'preprocessing.json')} is damaged. Its contents are not what ftctl writes there.`,
    });
    await rm(target, { recursive: true });
  });
});
