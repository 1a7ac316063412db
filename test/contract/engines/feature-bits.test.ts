import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openFeatureEngine } from '../../../src/engines/onnx-feature-engine.js';
import { featuresOf } from '../../../src/models/network.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import {
  describeNetwork,
  type NetworkSpec,
  torchvisionSpec,
} from '../../../src/models/registry.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import { bitsOfShard, randomFloats } from './phase-batches.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-features-'));
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

/** TensorFlow's variant: SAME padding, batch norm folded, scaled input. */
const tensorflowMobilenet: NetworkSpec = {
  ...torchvisionSpec('mobilenet_v2', 1.4, 10),
  convention: 'tensorflow',
  batchNorm: 'folded',
  inputAffine: { scale: [2, 2, 2], shift: [-1, -1, -1] },
};

async function backbone(spec: NetworkSpec, imageSize: number): Promise<string> {
  const network = describeNetwork(spec);
  const path = join(dir, `${spec.architecture}-${spec.convention}-${imageSize}.onnx`);
  const options = { imageSize, output: featuresOf(network), outputName: 'features' };
  await writeFile(path, lowerNetwork(network, randomWeights(network, 1), options));
  return path;
}

const backbones = [
  {
    name: 'resnet18 at 64 px',
    spec: torchvisionSpec('resnet18', 1, 10),
    imageSize: 64,
    width: 512,
  },
  {
    name: "TensorFlow's mobilenet_v2 of width 1.4 at 128 px",
    spec: tensorflowMobilenet,
    imageSize: 128,
    width: 1792,
  },
];

const numImages = 33;
/** The images of each run, by place. Kernels work on blocks of rows: all counts up to several blocks, and beyond 32. */
const batches: readonly (readonly number[])[] = [
  ...Array.from({ length: 17 }, (_, i) => range(i, i + 1)), // each alone
  ...[2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 24, 31, 32].map((n) => range(0, n)),
  // One image at the first, the last and places in between, among others in another order.
  ...[0, 1, 3, 7, 8, 12, 15].map((place) => withAt(range(16, 32), place, 4)),
  range(0, numImages).reverse(),
  [4, 4, 1, 4], // one image several times
];

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

function withAt(images: readonly number[], place: number, image: number): number[] {
  return images.map((other, i) => (i === place ? image : other));
}

describe("a row's features have the same bits in any batch, place and thread count", () => {
  for (const { name, spec, imageSize, width } of backbones) {
    test(name, { timeout: 120_000 }, async () => {
      const modelPath = await backbone(spec, imageSize);
      const pixels = 3 * imageSize * imageSize;
      const images = randomFloats(numImages * pixels, 1, 3);
      let reference: Float32Array | undefined;
      for (const threads of [1, 2, 3]) {
        const engine = await openFeatureEngine({ modelPath, imageSize, provider: 'cpu', threads });
        expect(engine.width).toBe(width);
        reference ??= await engine.run(images, numImages);
        expect(reference.length).toBe(numImages * width);
        // Different images have different features: the comparison below means something.
        const bitsOfImages = range(0, numImages).map((i) => bitsOfShard(reference!, i, numImages));
        expect(new Set(bitsOfImages).size).toBe(numImages);
        for (const batch of batches) {
          const images_NCHW = new Float32Array(batch.length * pixels);
          batch.forEach((image, place) => {
            images_NCHW.set(images.subarray(image * pixels, (image + 1) * pixels), place * pixels);
          });
          const features = await engine.run(images_NCHW, batch.length);
          const differing = batch.filter(
            (image, place) => bitsOfShard(features, place, batch.length) !== bitsOfImages[image],
          );
          expect({ threads, batch, differing }).toEqual({ threads, batch, differing: [] });
        }
        await engine.close();
      }
    });
  }
});

test('a backbone for another image size is refused', async () => {
  const modelPath = await backbone(torchvisionSpec('resnet18', 1, 10), 64);
  const options = { modelPath, imageSize: 32, provider: 'cpu', threads: 1 } as const;
  await expect(openFeatureEngine(options)).rejects.toMatchObject({
    code: 'FT_ENGINE_MODEL',
    message: `The model file ${modelPath} cannot be used. Its input images is not [N, 3, 32, 32].`,
  });
});

test('a file that is no ONNX model is refused', async () => {
  const modelPath = join(dir, 'text.onnx');
  await writeFile(modelPath, 'not a model');
  const options = { modelPath, imageSize: 32, provider: 'cpu', threads: 1 } as const;
  await expect(openFeatureEngine(options)).rejects.toMatchObject({
    code: 'FT_ENGINE_MODEL',
    message: expect.stringMatching(
      `^The model file ${modelPath} cannot be loaded. onnxruntime says: `,
    ) as string,
  });
});
