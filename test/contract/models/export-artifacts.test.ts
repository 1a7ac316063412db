import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openClassifier } from '../../../src/engines/image-classifier.js';
import { writeArtifacts } from '../../../src/models/artifacts.js';
import { exportArtifacts } from '../../../src/models/export-artifacts.js';
import { initialHead } from '../../../src/models/head.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { findPython } from '../../support/python.js';
import { randomFloats } from '../engines/phase-batches.js';

const classNames = ['one', 'two', 'three'];
const imageSize = 64;
const python = findPython(['torch', 'torchvision', 'safetensors', 'onnx', 'onnxruntime']);
let dir = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-export-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** The folder of a model that was not trained, whose weights are random. */
async function modelOf(architecture: string): Promise<string> {
  const cacheDir = join(dir, 'cache');
  const modelDir = join(dir, architecture);
  const prepared = await prepareModel(
    { architecture, width: 1, weights: 'random', integrity: null },
    { numClasses: 3, imageSize, background: [0, 0, 0], normalise: null, seed: 1, cacheDir },
  );
  await writeArtifacts(modelDir, {
    ...{ prepared, blobs: new BlobStore(cacheDir), parameters: initialHead(prepared.head, 1) },
    ...{ statistics: new Float32Array(0), updates: [1] },
    ...{ classIds: ['1', '2', '3'], classNames },
  });
  return modelDir;
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  const scale = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!))) / scale;
}

for (const architecture of ['resnet18', 'squeezenet1_1']) {
  test.skipIf(python.path === undefined)(
    `torchvision and onnxruntime in Python take an exported ${architecture}, and give its logits`,
    async () => {
      const modelDir = await modelOf(architecture);
      const stem = join(dir, `${architecture}-out`);
      for (const format of ['safetensors', 'onnx', 'pth'] as const) {
        const exported = await exportArtifacts(modelDir, format, `${stem}.${format}`);
        expect(exported).toMatchObject({ format, path: `${stem}.${format}` });
      }
      const images = randomFloats(3 * 3 * imageSize ** 2, 2, 5);
      const imagesPath = join(dir, 'images.bin');
      await writeFile(imagesPath, new Uint8Array(images.buffer));
      const classifier = await openClassifier(join(modelDir, 'model.onnx'), { threads: 1 });
      const logits = [...(await classifier.logits(images, 3))];
      await classifier.close();

      const script = fileURLToPath(new URL('judge_export.py', import.meta.url));
      const args = ['-W', 'ignore', script, architecture, '3', imagesPath, stem];
      const said = JSON.parse(execFileSync(python.path!, args, { encoding: 'utf8' })) as Record<
        'together' | 'oneByOne' | 'safetensors' | 'pth',
        number[]
      > & {
        batch: unknown;
        pthKeysInOrder: boolean;
        metadata: Record<string, unknown>;
        safetensorsMetadata: Record<string, string>;
      };
      const [mean, std] = [
        [0.485, 0.456, 0.406],
        [0.229, 0.224, 0.225],
      ];
      const described = {
        'ftctl.labels': classNames,
        'ftctl.preprocessing': {
          ...{ imageSize, resizeSide: imageSize, mean, std, background: [0, 0, 0] },
          ...{ channelOrder: 'RGB', valueRange: [0, 1] },
        },
      };
      expect(said.metadata).toEqual({
        ...described,
        'ftctl.architecture': { name: architecture, width: 1 },
      });
      const { format, ...saved } = said.safetensorsMetadata;
      expect(format).toBe('pt');
      expect(
        Object.fromEntries(Object.entries(saved).map(([key, text]) => [key, JSON.parse(text)])),
      ).toEqual({ ...described, 'ftctl.normalise': { mean, std } });
      expect(said.batch).toBe('N');
      expect(said.pthKeysInOrder).toBe(true);
      for (const name of ['together', 'oneByOne', 'safetensors', 'pth'] as const) {
        expect(largestDifference(said[name], logits)).toBeLessThan(1e-4);
      }
    },
    120_000,
  );
}

test('as safetensors and ONNX a model is written as it lies in its folder', async () => {
  const modelDir = await modelOf('mobilenet_v2');
  for (const format of ['safetensors', 'onnx'] as const) {
    const path = join(dir, `copied.${format}`);
    const { numBytes } = await exportArtifacts(modelDir, format, path);
    const bytes = await readFile(path);
    expect(bytes.equals(await readFile(join(modelDir, `model.${format}`)))).toBe(true);
    expect(numBytes).toBe(bytes.length);
  }
});

test('nothing is written once the signal has aborted', async () => {
  const modelDir = await modelOf('mobilenet_v2');
  const path = join(dir, 'stopped');
  const stopped = exportArtifacts(modelDir, 'onnx', path, AbortSignal.abort(new Error('enough')));
  await expect(stopped).rejects.toThrow('enough');
  expect(readdirSync(dir)).not.toContain('stopped');
});

test('a network that torchvision does not have is written as ONNX alone', async () => {
  const modelDir = await modelOf('mobilenet_v2');
  // What the folder of a network that pads as TensorFlow does looks like.
  await rm(join(modelDir, 'model.safetensors'));
  const path = join(dir, 'tensorflow');
  for (const format of ['safetensors', 'pth'] as const) {
    await expect(exportArtifacts(modelDir, format, path)).rejects.toMatchObject({
      code: 'FT_MODEL_NO_STATE_DICT',
      message: `The model of ${modelDir}/model.onnx cannot be written as a state dict. torchvision does not have its network: it is an ONNX backbone, or it pads as TensorFlow does, so that the same weights would give other results there.`,
      remedy: 'Export it as ONNX: `--format onnx`.',
    });
  }
  expect(readdirSync(dir)).not.toContain('tensorflow');
  await exportArtifacts(modelDir, 'onnx', path);
  expect(readdirSync(dir)).toContain('tensorflow');
});

test('a damaged file of weights is told as one', async () => {
  const modelDir = await modelOf('mobilenet_v2');
  const weights = join(modelDir, 'model.safetensors');
  await writeFile(weights, 'not safetensors');
  for (const format of ['pth', 'safetensors'] as const) {
    await expect(exportArtifacts(modelDir, format, join(dir, 'x'))).rejects.toMatchObject({
      code: 'FT_ARTIFACTS_DAMAGED',
      message: expect.stringContaining(
        `The trained model's file ${weights} cannot be used.`,
      ) as string,
    });
  }
});
