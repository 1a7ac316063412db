import { describe, expect, test } from 'vitest';
import {
  architectureAliases,
  resolveArchitecture,
} from '../../../src/config/architecture-aliases.js';
import { listArchitectures } from '../../../src/models/describe/architecture-list.js';
import { headOf, initialAuxiliary } from '../../../src/models/head.js';
import { featuresOf, layersUpTo, replacedLayers } from '../../../src/models/network.js';
import { checkModel } from '../../../src/models/prepare-model.js';
import {
  architectureNames,
  checkImageSize,
  defaultImageSize,
  describeNetwork,
  torchvisionSpec,
} from '../../../src/models/registry.js';
import { inferShapes } from '../../../src/models/shapes.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';

const networkOf = (name: string) => describeNetwork(torchvisionSpec(name, 1, 10));

/** num_params, min_size and _ops (10^9 multiply-adds) of the weights in torchvision 0.29. */
const published: Readonly<Record<string, readonly [number, number, number]>> = {
  alexnet: [61100840, 63, 0.714],
  densenet121: [7978856, 29, 2.834],
  densenet161: [28681000, 29, 7.728],
  densenet169: [14149480, 29, 3.36],
  densenet201: [20013928, 29, 4.291],
  inception_v3: [27161264, 75, 5.713],
  mobilenet_v2: [3504872, 1, 0.301],
  resnet18: [11689512, 1, 1.814],
  resnet34: [21797672, 1, 3.664],
  resnet50: [25557032, 1, 4.089],
  resnet101: [44549160, 1, 7.801],
  resnet152: [60192808, 1, 11.514],
  squeezenet1_0: [1248424, 21, 0.819],
  squeezenet1_1: [1235496, 17, 0.349],
  vgg11: [132863336, 32, 7.609],
  vgg11_bn: [132868840, 32, 7.609],
  vgg13: [133047848, 32, 11.308],
  vgg13_bn: [133053736, 32, 11.308],
  vgg16: [138357544, 32, 15.47],
  vgg16_bn: [138365992, 32, 15.47],
  vgg19: [143667240, 32, 19.632],
  vgg19_bn: [143678248, 32, 19.632],
};

test('every architecture has the size, the cost and the smallest image that torchvision says', () => {
  const found = listArchitectures().map(
    ({ name, numParameters, smallestImageSize, multiplyAdds }) => [
      name,
      [numParameters, smallestImageSize, Math.round(multiplyAdds / 1e6) / 1e3],
    ],
  );
  expect(Object.fromEntries(found)).toEqual(published);
});

test('images are 299 px for inception, 224 for the others, unless the user says otherwise', () => {
  const sizes = architectureNames.map((name) => [name, defaultImageSize(name)]);
  expect(sizes.filter(([, size]) => size !== 224)).toEqual([['inception_v3', 299]]);
});

describe('an image that is too small is refused with the smallest that is not', () => {
  for (const [name, [, smallest]] of Object.entries(published)) {
    if (smallest === 1) continue;
    test(name, () => {
      expect(() => {
        checkImageSize(name, 1, smallest);
      }).not.toThrow();
      expect(() => {
        checkImageSize(name, 1, smallest - 1);
      }).toThrow(
        expect.objectContaining({
          code: 'FT_MODEL_IMAGE_SIZE',
          message: expect.stringContaining(
            `the smallest images that work have ${smallest} x ${smallest} pixels.`,
          ) as string,
        }),
      );
    });
  }

  test('before the weights are looked for', async () => {
    const spec = {
      architecture: 'alexnet',
      width: 1,
      weights: '/nowhere/alexnet.safetensors',
      integrity: null,
    };
    await expect(
      checkModel(spec, { seed: 0, imageSize: 32, background: [0, 0, 0], normalise: null }),
    ).rejects.toThrow(
      'Images of 32 x 32 pixels are too small for this network. The output of layer features.12 would be 256 x 0 x 0; the smallest images that work have 63 x 63 pixels.',
    );
  });
});

test("a family's name means the architecture of the well-known recipe", () => {
  expect(Object.keys(architectureAliases).map(resolveArchitecture)).toEqual([
    'resnet18',
    'vgg11_bn',
    'squeezenet1_0',
    'densenet121',
    'inception_v3',
  ]);
  expect(['alexnet', 'resnet50', 'constructor'].map(resolveArchitecture)).toEqual([
    'alexnet',
    'resnet50',
    'constructor',
  ]);
  for (const name of Object.values(architectureAliases)) expect(architectureNames).toContain(name);
});

describe("inception's auxiliary classifier", () => {
  const network = networkOf('inception_v3');
  const isAuxiliary = (name: string) => name.startsWith('AuxLogits.');

  test('stands in the state dict before Mixed_7a', () => {
    const names = stateDictSpecs(network).map(({ name }) => name);
    expect(names.indexOf('AuxLogits.fc.bias') + 1).toBe(
      names.indexOf('Mixed_7a.branch3x3_1.conv.weight'),
    );
  });

  test('is not needed for the logits, nor for the features', () => {
    for (const output of [network.output, featuresOf(network)]) {
      expect(layersUpTo(network, output).some(({ name }) => isAuxiliary(name))).toBe(false);
    }
    expect(inferShapes(network, 75).get('fc')).toEqual([10]);
  });

  test('needs images of 299 px', () => {
    expect(inferShapes(network, 299, 'AuxLogits.fc').get('AuxLogits.fc')).toEqual([10]);
    expect(() => inferShapes(network, 298, 'AuxLogits.fc')).toThrow('299 x 299');
  });

  test('is replaced with the classifier, by values of its own', () => {
    expect(replacedLayers(network).map(({ name }) => name)).toEqual(['AuxLogits.fc', 'fc']);
    const tensors = initialAuxiliary(network, 5);
    expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ['AuxLogits.fc.weight', [10, 768]],
      ['AuxLogits.fc.bias', [10]],
    ]);
    // nn.Linear: U(-b, b), b = 1 / sqrt(768) = 0.03608.
    const weight = tensors.get('AuxLogits.fc.weight')!.data as Float32Array;
    expect(Math.max(...weight)).toBeGreaterThan(0.036);
    expect(Math.max(...weight)).toBeLessThanOrEqual(0.0361);
    expect(initialAuxiliary(network, 5)).toEqual(tensors);
    expect(initialAuxiliary(network, 6)).not.toEqual(tensors);
  });
});

test('other networks have nothing beside the classifier to replace', () => {
  const other = networkOf('vgg11');
  expect(replacedLayers(other).map(({ name }) => name)).toEqual(['classifier.6']);
  expect(initialAuxiliary(other, 1).size).toBe(0);
});

test('the width of the features does not depend on the image, except where the head is a convolution', () => {
  const widths = (name: string) =>
    [96, 130].map((size) => headOf(networkOf(name), size).numFeatures);
  expect(widths('alexnet')).toEqual([4096, 4096]);
  expect(widths('vgg11')).toEqual([4096, 4096]);
  // 96 -> 45 -> 22 -> 11 -> 5 and 130 -> 62 -> 31 -> 15 -> 7.
  expect(widths('squeezenet1_0')).toEqual([512 * 25, 512 * 49]);
});
