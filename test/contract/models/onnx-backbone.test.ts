import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OnnxModelSpec } from '../../../src/config/run-spec.js';
import { openClassifier } from '../../../src/engines/image-classifier.js';
import { openFeatureEngine } from '../../../src/engines/onnx-feature-engine.js';
import { writeArtifacts } from '../../../src/models/artifacts.js';
import { exportArtifacts } from '../../../src/models/export-artifacts.js';
import { initialHead } from '../../../src/models/head.js';
import { layerGraph } from '../../../src/models/layer-graph.js';
import { checkModel, prepareModel } from '../../../src/models/prepare-model.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { backboneFile, type BackboneChoice } from '../../support/models/backbone-files.js';
import { findPython } from '../../support/python.js';
import { randomFloats } from '../engines/phase-batches.js';

const python = findPython(['torch', 'onnx', 'onnxruntime']);
const normalise = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
const imageSize = 24;
const background = [0, 0, 0] as const;
const numImages = 3;
const images = randomFloats(numImages * 3 * imageSize ** 2, 2, 5);
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-backbone-'));
  await writeFile(join(dir, 'images.bin'), new Uint8Array(images.buffer));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function written(choice: BackboneChoice, output: string | null = null) {
  const onnx = join(dir, 'net.onnx');
  await writeFile(onnx, backboneFile(choice));
  return { onnx, output };
}

function prepare(spec: OnnxModelSpec) {
  return prepareModel(spec, {
    ...{ numClasses: 4, imageSize, background, normalise, seed: 1, cacheDir: join(dir, 'cache') },
  });
}

/** Features by the backbone, and logits by the model, of a backbone with a head that was not trained. */
async function results(spec: OnnxModelSpec, modelDir: string) {
  const prepared = await prepare(spec);
  const blobs = new BlobStore(join(dir, 'cache'));
  const modelPath = blobs.path(prepared.backboneSha256);
  const engine = await openFeatureEngine({ modelPath, imageSize, provider: 'cpu', threads: 1 });
  const features = await engine.run(images, numImages);
  await engine.close();
  const parameters = initialHead(prepared.head, 1);
  await writeArtifacts(modelDir, {
    ...{ prepared, blobs, parameters, statistics: new Float32Array(0), updates: [1] },
    ...{ classIds: ['1', '2', '3', '4'], classNames: ['a', 'b', 'c', 'd'] },
  });
  const classifier = await openClassifier(join(modelDir, 'model.onnx'), { threads: 1 });
  const logits = await classifier.logits(images, numImages);
  await classifier.close();
  return { prepared, features, parameters, logits };
}

function expectNear(actual: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(actual.length).toBe(expected.length);
  const scale = Math.max(...Array.from(expected, Math.abs));
  const differences = Array.from(actual, (value, i) => Math.abs(value - expected[i]!));
  expect(Math.max(...differences) / scale).toBeLessThan(1e-5);
}

/** In float64, of a head whose flat parameters are bias [K], then weight [K, F]. */
function logitsOf(features: Float32Array, parameters: Float32Array, numClasses: number): number[] {
  const numFeatures = features.length / numImages;
  return Array.from({ length: numImages * numClasses }, (_, i) => {
    const [row, k] = [Math.floor(i / numClasses), i % numClasses];
    let sum = parameters[k]!;
    for (let f = 0; f < numFeatures; f++) {
      sum += features[row * numFeatures + f]! * parameters[numClasses + k * numFeatures + f]!;
    }
    return sum;
  });
}

describe("a backbone of the user's own", () => {
  test('gives its maps as features, and with the head it is the trained model', async () => {
    const spec = await written({});
    const { prepared, features, parameters, logits } = await results(spec, join(dir, 'maps'));
    const numFeatures = 6 * (imageSize - 2) ** 2;
    expect(prepared).toMatchObject({
      ...{ architecture: 'onnx', convention: 'onnx' },
      head: { kind: 'linear', numFeatures, numClasses: 4 },
      preprocessing: { imageSize, ...normalise },
    });
    expect(features.length).toBe(numImages * numFeatures);
    expectNear(logits, logitsOf(features, parameters, 4));
    expect(JSON.parse(await readFile(join(dir, 'maps', 'preprocessing.json'), 'utf8'))).toEqual({
      ...{ imageSize, resizeSide: imageSize, ...normalise, background },
      ...{ channelOrder: 'RGB', valueRange: [0, 1] },
    });
  });

  test('is exported as ONNX, and as nothing that torchvision would have to load', async () => {
    const modelDir = join(dir, 'exported');
    await results(await written({ outputs: ['pooled'] }), modelDir);
    for (const format of ['safetensors', 'pth'] as const) {
      await expect(exportArtifacts(modelDir, format, join(dir, 'x'))).rejects.toMatchObject({
        code: 'FT_MODEL_NO_STATE_DICT',
      });
    }
    const path = join(dir, 'out.onnx');
    await exportArtifacts(modelDir, 'onnx', path);
    expect(await readFile(path)).toEqual(await readFile(join(modelDir, 'model.onnx')));
  });

  test('is known by its contents: another path changes nothing, another output does', async () => {
    const spec = await written({ outputs: ['pooled', 'centred'] }, 'pooled');
    const first = await prepare(spec);
    const copy = join(dir, 'copy.onnx');
    await writeFile(copy, await readFile(spec.onnx));
    expect(await prepare({ onnx: copy, output: 'pooled' })).toEqual(first);
    const other = await prepare(await written({}));
    expect(other.backboneSha256).not.toBe(first.backboneSha256);
  });

  test('of which an image has other last bits in another batch is used, and that is said', async () => {
    const said: string[] = [];
    const prepared = async (output: 'pooled' | 'shaken') => {
      said.length = 0;
      const spec = await written({ outputs: [output] });
      await prepareModel(spec, {
        ...{ numClasses: 4, imageSize, background, normalise, seed: 1 },
        ...{ cacheDir: join(dir, 'cache'), onProgress: ({ message }) => said.push(message) },
      });
      return [...said];
    };
    expect(await prepared('shaken')).toEqual([
      `The features of ${dir}/net.onnx differ in their last bits with the batch that an image is in, so that runs may not repeat to the bit.`,
    ]);
    expect(await prepared('pooled')).toEqual([]);
  });

  test('can be a model that ftctl trained; what it says of its images is compared', async () => {
    const modelDir = join(dir, 'first');
    await results(await written({ outputs: ['pooled'] }), modelDir);
    const spec = { onnx: join(modelDir, 'model.onnx'), output: null };
    const { prepared, features, parameters, logits } = await results(spec, join(dir, 'second'));
    expect(prepared.head.numFeatures).toBe(4);
    expectNear(logits, logitsOf(features, parameters, 4));
    const other = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
    await expect(
      checkModel(spec, { seed: 1, imageSize, background, normalise: other }),
    ).rejects.toMatchObject({
      code: 'FT_WEIGHTS_PREPROCESSING',
      message: `The run normalises images with mean [0, 0, 0] and std [1, 1, 1]. The weights of ${spec.onnx} need mean [0.5, 0.5, 0.5] and std [0.25, 0.25, 0.25].`,
    });
  });

  test('has one output, which is the layer for `ftctl features`', async () => {
    const spec = await written({ outputs: ['pooled', 'centred'] }, 'pooled');
    const options = { imageSize, background, normalise, seed: 1, cacheDir: join(dir, 'cache') };
    expect(await layerGraph(spec, null, options)).toMatchObject({ layer: 'pooled', shape: [6] });
    await expect(layerGraph(spec, 'layer4', options)).rejects.toMatchObject({
      code: 'FT_MODEL_LAYER',
      message: `There is no layer "layer4" to choose in ${spec.onnx}. An ONNX backbone has outputs, of which \`model.output\` names one.`,
    });
  });

  test.skipIf(python.path === undefined)(
    'is what PyTorch exported: external values, inner graphs, and names that ftctl has too',
    async () => {
      const script = (name: string, ...args: string[]): unknown => {
        const path = fileURLToPath(new URL(name, import.meta.url));
        const text = execFileSync(python.path!, ['-W', 'ignore', path, ...args], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        return JSON.parse(text.trim().split('\n').at(-1)!);
      };
      const shape = [String(imageSize), String(numImages)];
      const expected = script('make_backbone.py', dir, ...shape) as number[];
      const modelDir = join(dir, 'torch');
      const spec = { onnx: join(dir, 'backbone.onnx'), output: null };
      const { features, parameters, logits } = await results(spec, modelDir);
      expectNear(features, expected);
      expectNear(logits, logitsOf(features, parameters, 4));
      const said = script(
        ...(['judge_backbone.py', join(modelDir, 'model.onnx')] as const),
        ...[join(dir, 'images.bin'), ...shape],
      ) as { logits: number[]; metadata: Record<string, string> };
      expectNear(said.logits, [...logits]);
      expect(JSON.parse(said.metadata['ftctl.labels']!)).toEqual(['a', 'b', 'c', 'd']);
      expect(JSON.parse(said.metadata['ftctl.preprocessing']!)).toMatchObject(normalise);
    },
    120_000,
  );
});

describe('a backbone is refused', () => {
  const cases: [name: string, choice: BackboneChoice, output: string | null, error: object][] = [
    [
      'that takes one image at a time',
      { input: [1, 3, 'H', 'W'] },
      null,
      {
        code: 'FT_BACKBONE_INPUT',
        message:
          "The backbone net.onnx does not take the run's images. Its input is pixels (float32 [1, 3, H, W]), for 1 images at a time and no other number.",
      },
    ],
    [
      'that takes images of another size',
      { input: ['N', 3, 32, 32] },
      null,
      {
        code: 'FT_BACKBONE_INPUT',
        message:
          "The backbone net.onnx does not take the run's images. Its input is pixels (float32 [N, 3, 32, 32]), and data.imageSize is 24.",
        remedy: 'Set data.imageSize to 32, or export it again with dynamic height and width.',
      },
    ],
    [
      'that takes no colors',
      { input: ['N', 1, 'H', 'W'], outputs: ['pooled'] },
      null,
      {
        code: 'FT_BACKBONE_INPUT',
        message:
          "The backbone net.onnx does not take the run's images. Its input is pixels (float32 [N, 1, H, W]), not float32 [N, 3, H, W].",
      },
    ],
    [
      'whose output must be named',
      { outputs: ['pooled', 'centred'] },
      null,
      {
        code: 'FT_BACKBONE_OUTPUT',
        message:
          'The backbone net.onnx has 2 outputs. model.output does not say which one has the features: pooled (float32 [N, 6, 1, 1]), centred (float32 [N, 6, 1, 1]).',
        remedy: 'Set model.output to the one with the features: pooled, centred.',
      },
    ],
    [
      'that has no output of that name',
      { outputs: ['pooled'] },
      'logits',
      {
        code: 'FT_BACKBONE_OUTPUT',
        message:
          'The backbone net.onnx has no output "logits". Its outputs are pooled (float32 [N, 6, 1, 1]).',
      },
    ],
    [
      'that gives whole numbers',
      { outputs: ['counts'] },
      null,
      {
        code: 'FT_BACKBONE_OUTPUT',
        message:
          'The backbone net.onnx gives counts (int64 [N, 6, 1, 1]). Features are float32 [N, F] or [N, C, H, W].',
      },
    ],
    [
      'whose rows depend on each other',
      { outputs: ['centred'] },
      null,
      {
        code: 'FT_BACKBONE_RUN',
        message:
          'The backbone net.onnx gives no usable features. What it gives for an image depends on the other images of the batch: it may have been exported in training mode.',
      },
    ],
    [
      'whose values are not finite',
      { outputs: ['log'] },
      null,
      {
        code: 'FT_BACKBONE_RUN',
        message:
          'The backbone net.onnx gives no usable features. Its values for images of noise are not all finite.',
        remedy: expect.stringContaining('a training that diverged') as string,
      },
    ],
  ];
  test('whose operator set is too old for a classifier behind it, before anything is trained', async () => {
    const options = { seed: 1, imageSize, background, normalise };
    const old = await written({ outputs: ['pooled'], opset: 6 });
    await expect(checkModel(old, options)).rejects.toMatchObject({
      code: 'FT_BACKBONE_FILE',
      message: expect.stringMatching(
        /cannot be used\. onnxruntime does not load it with a classifier behind it: .*Gemm\(6\)/s,
      ) as string,
      remedy:
        'Export it again with operator set 7 or later (`opset_version` of `torch.onnx.export`).',
    });
    const oldest = await written({ outputs: ['pooled'], opset: 7 });
    await expect(checkModel(oldest, options)).resolves.toBeUndefined();
  });

  test.each(cases)('%s', async (_, choice, output, expected) => {
    const spec = await written(choice, output);
    const options = { seed: 1, imageSize, background, normalise };
    const error = await checkModel(spec, options).then(
      () => undefined,
      (thrown: unknown) => thrown as Error & { code: string; remedy: string },
    );
    expect(error).toBeDefined();
    const { code, remedy, message } = error!;
    expect({ code, remedy, message: message.replaceAll(`${dir}/`, '') }).toMatchObject(expected);
  });

  test('that is not there, or no ONNX file', async () => {
    const options = { seed: 1, imageSize, background, normalise };
    const gone = { onnx: join(dir, 'gone.onnx'), output: null };
    await expect(checkModel(gone, options)).rejects.toMatchObject({
      code: 'FT_BACKBONE_FILE',
      message: `The backbone ${gone.onnx} cannot be used. It does not exist.`,
      remedy:
        'Check `model.onnx`: a relative path counts from the configuration file, in `--set` from the current folder.',
    });
    const text = { onnx: join(dir, 'text.onnx'), output: null };
    await writeFile(text.onnx, 'not a network');
    await expect(checkModel(text, options)).rejects.toMatchObject({ code: 'FT_BACKBONE_FILE' });
    const pth = { onnx: join(dir, 'net.pth'), output: null };
    await writeFile(pth.onnx, encodePth(new Map()));
    await expect(checkModel(pth, options)).rejects.toMatchObject({
      code: 'FT_BACKBONE_FILE',
      message: `The backbone ${pth.onnx} cannot be used. It is a PyTorch file, which has weights and no network.`,
      remedy: expect.stringContaining('torch.onnx.export') as string,
    });
  });

  test('without a normalisation, which no ONNX file says', async () => {
    const spec = await written({});
    await expect(
      checkModel(spec, { seed: 1, imageSize, background, normalise: null }),
    ).rejects.toMatchObject({
      code: 'FT_CONFIG_MISSING_KEY',
      message:
        'data.normalise is missing. model.onnx does not say how the images were normalised that it was trained on.',
    });
  });
});
