import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import {
  architectureNames,
  describeNetwork,
  torchvisionSpec,
} from '../../../src/models/registry.js';
import { smallestImageSize } from '../../../src/models/shapes.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { decodeSafetensors } from '../../../src/models/weights/safetensors.js';
import type { TensorSet } from '../../../src/models/weights/tensor-set.js';
import { findPython } from '../../support/python.js';
import { relativeError, values } from '../models/formula.js';
import { runImages } from '../models/run-onnx.js';
import { Judge, type MadeNetwork } from './judge.js';

/** Largest difference of two sets of logits, relative to the largest logit. */
const tolerance = 1e-4;
const numClasses = 10;
const python = findPython(['torch', 'torchvision', 'safetensors']);

describe.skipIf(python.path === undefined)('torchvision agrees', () => {
  let judge: Judge;
  beforeAll(() => {
    judge = new Judge(python.path!);
  });
  afterAll(() => judge.close());

  for (const [index, architecture] of architectureNames.entries()) {
    describe(architecture, () => {
      const network = describeNetwork(torchvisionSpec(architecture, 1, numClasses));
      let made: MadeNetwork;
      let weights: TensorSet;
      beforeAll(async () => {
        made = await judge.make(architecture, index);
        weights = decodeSafetensors(judge.weights(), architecture).tensors;
      }, 60_000);

      test('names, shapes and order of the state dict', () => {
        expect(stateDictSpecs(network).map(({ name, shape }) => [name, shape])).toEqual(
          made.tensors,
        );
      });

      for (const which of ['smallest', 'odd', 'standard'] as const) {
        test(`the logits of images of the ${which} size`, { timeout: 60_000 }, async () => {
          const standard = made.imageSize;
          const sizes = {
            smallest: smallestImageSize(network),
            odd: standard > 224 ? 333 : 97,
            standard,
          };
          const size = sizes[which];
          const images = values(3 * size * size, 9000 + size, -2, 2);
          const onnx = lowerNetwork(network, weights, {
            imageSize: size,
            output: network.output,
            outputName: 'logits',
          });
          const ours = await runImages(onnx, images, [1, 3, size, size]);
          const theirs = await judge.logits(images, size);
          expect(relativeError(ours, [...theirs])).toBeLessThan(tolerance);
        });
      }
    });
  }
});
