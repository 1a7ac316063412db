import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stateDict } from '../../../src/models/artifacts.js';
import { listArchitectures } from '../../../src/models/describe/architecture-list.js';
import { moduleLines, moduleTree } from '../../../src/models/describe/module-tree.js';
import type { Network } from '../../../src/models/network.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import {
  architectureNames,
  describeNetwork,
  torchvisionSpec,
} from '../../../src/models/registry.js';
import { smallestImageSize } from '../../../src/models/shapes.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { decodeSafetensors, encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import type { TensorSet } from '../../../src/models/weights/tensor-set.js';
import { findPython } from '../../support/python.js';
import { relativeError, values } from '../models/formula.js';
import { runImages } from '../models/run-onnx.js';
import { Judge, type MadeNetwork } from './judge.js';
import { mutated, mutations } from './mutations.js';

/** Largest difference of two sets of values, relative to the largest of them. */
const tolerance = 1e-4;
const numClasses = 10;
/** Layers are compared one by one in these; torchvision's trace does not look into the blocks of mobilenet_v2. */
const layerByLayer = new Set(['densenet121', 'inception_v3', 'resnet50', 'squeezenet1_0']);
/** One of each family; vgg's first linear layer is left out for its 10^8 elements. */
const drawn = new Map<string, readonly string[]>([
  ['alexnet', []],
  ['densenet121', []],
  ['inception_v3', []],
  ['mobilenet_v2', []],
  ['resnet18', []],
  ['squeezenet1_0', []],
  ['vgg11_bn', ['classifier.0']],
]);

const python = findPython(['torch', 'torchvision', 'safetensors']);
const summaries = new Map(listArchitectures().map((summary) => [summary.name, summary]));

const imagesOf = (size: number): Float32Array => values(3 * size * size, 9000 + size, -2, 2);

async function run(
  network: Network,
  weights: TensorSet,
  size: number,
  output = network.output,
): Promise<Float32Array> {
  const onnx = lowerNetwork(network, weights, { imageSize: size, output, outputName: 'values' });
  return runImages(onnx, imagesOf(size), [1, 3, size, size]);
}

describe.skipIf(python.path === undefined)('torchvision agrees', () => {
  let judge: Judge;
  beforeAll(() => {
    judge = new Judge(python.path!);
  });
  afterAll(() => judge.close());

  for (const [index, architecture] of architectureNames.entries()) {
    describe(architecture, { timeout: 120_000 }, () => {
      const network = describeNetwork(torchvisionSpec(architecture, 1, numClasses));
      const odd = architecture === 'inception_v3' ? 333 : 97;
      let made: MadeNetwork;
      let weights: TensorSet;
      let standardLogits: Float32Array;
      beforeAll(async () => {
        made = await judge.make(architecture, index);
        weights = decodeSafetensors(judge.weights(), architecture).tensors;
      }, 120_000);

      test('names, shapes and order of the state dict', () => {
        const ours = stateDictSpecs(network).map(({ name, shape }) => [name, shape]);
        expect(ours).toEqual(made.tensors);
      });

      for (const format of ['pth', 'safetensors'] as const) {
        test(`the state dict that is written as ${format}, loaded strictly`, async () => {
          const state = stateDict(torchvisionSpec(architecture, 1, numClasses), weights);
          const bytes = format === 'pth' ? encodePth(state) : encodeSafetensors(state);
          const { names, different } = await judge.load(`ours.${format}`, bytes);
          const theirs = made.tensors.map(([name]) => name);
          // safetensors' reader has an order of its own.
          if (format === 'pth') expect(names).toEqual(theirs);
          else expect(names.sort()).toEqual(theirs.sort());
          expect(different).toEqual([]);
        });
      }

      test('the text of the network, its size and its cost', () => {
        const lines = moduleLines(moduleTree(network)).map(({ text }) => text);
        expect(lines.join('\n')).toBe(made.representation);
        const summary = summaries.get(architecture)!;
        expect(summary).toMatchObject({
          smallestImageSize: made.smallest,
          imageSize: made.imageSize,
          numParameters: made.numParameters,
        });
        // torchvision rounds to three decimals.
        expect(summary.multiplyAdds / 1e9).toBeCloseTo(made.gigaMultiplyAdds, 2);
      });

      test('the logits of images of the smallest size', async () => {
        const size = smallestImageSize(network);
        const ours = await run(network, weights, size);
        const theirs = await judge.logits(imagesOf(size), size);
        expect(relativeError(ours, [...theirs])).toBeLessThan(tolerance);
      });

      test(`the logits of images of ${odd} px`, async () => {
        const ours = await run(network, weights, odd);
        const theirs = await judge.logits(imagesOf(odd), odd);
        expect(relativeError(ours, [...theirs])).toBeLessThan(tolerance);
      });

      test('the logits of images of the standard size', async () => {
        const ours = await run(network, weights, made.imageSize);
        standardLogits = await judge.logits(imagesOf(made.imageSize), made.imageSize);
        expect(relativeError(ours, [...standardLogits])).toBeLessThan(tolerance);
      });

      for (const mutation of mutations.filter((m) => m.architecture === architecture)) {
        test(`but not where ${mutation.mistake}`, async () => {
          const ours = await run(mutated(network, mutation), weights, made.imageSize);
          expect(ours.length).toBe(numClasses);
          expect(relativeError(ours, [...standardLogits])).toBeGreaterThan(2 * tolerance);
        });
      }

      if (layerByLayer.has(architecture))
        test('every layer has its name and output', async () => {
          const size = 96;
          const { outputs, training } = await judge.layers(imagesOf(size), size);
          // The input transform is several nodes there, and the auxiliary classifier has outputs in training alone.
          const names = network.layers.flatMap((layer) =>
            layer.kind === 'affine' ? [] : [layer.name],
          );
          expect(names.filter((name) => !training.includes(name))).toEqual([]);
          // About 40 of them, spread over the network: one graph for each would take minutes.
          for (const [i, name] of names.entries()) {
            const theirs = outputs.get(name);
            if (theirs === undefined || i % Math.ceil(names.length / 40) !== 0) continue;
            const ours = await run(network, weights, size, name);
            expect([name, relativeError(ours, [...theirs]) < tolerance]).toEqual([name, true]);
          }
        });

      if (drawn.has(architecture))
        test('how random weights are drawn', async () => {
          const theirs = await judge.statistics(architecture, 1);
          const left = new Set(drawn.get(architecture));
          const layers = network.layers.filter(({ name }) => !left.has(name));
          for (const [name, { data }] of randomWeights({ ...network, layers }, 1)) {
            if (!(data instanceof Float32Array)) continue;
            const [deviation, largest] = theirs[name]!;
            const ours = statistics(data);
            // Of n normal values the deviation is known to 1 / sqrt(2 n): five of those.
            const spread = 5 / Math.sqrt(2 * data.length) + 1e-6;
            expect(
              [name, Math.abs(ours.deviation - deviation) <= 2 * spread * deviation],
              `${ours.deviation} ${deviation}`,
            ).toEqual([name, true]);
            // A uniform distribution ends at 1.7 deviations, a normal one reaches over 3 here.
            if (data.length < 1000 || deviation === 0) continue;
            const isUniform = largest < 2 * deviation;
            expect([name, ours.largest < 2 * ours.deviation]).toEqual([name, isUniform]);
          }
        });
    });
  }
});

function statistics(data: Float32Array): { deviation: number; largest: number } {
  let sum = 0;
  let squares = 0;
  let largest = 0;
  for (const value of data) {
    sum += value;
    squares += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  const mean = sum / data.length;
  return { deviation: Math.sqrt(Math.max(0, squares / data.length - mean * mean)), largest };
}
