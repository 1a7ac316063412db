import { describe, expect, test } from 'vitest';
import { makeDivisible } from '../../../src/models/families/mobilenet-v2.js';
import { headLayout, headOf, initialHead } from '../../../src/models/head.js';
import { featuresOf, layersUpTo } from '../../../src/models/network.js';
import {
  checkArchitecture,
  describeNetwork,
  torchvisionSpec,
} from '../../../src/models/registry.js';
import { inferShapes } from '../../../src/models/shapes.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';

test('an unknown architecture is refused with the nearest name', () => {
  expect(() => {
    checkArchitecture('ResNet-18', 1);
  }).toThrow(
    expect.objectContaining({
      code: 'FT_MODEL_UNKNOWN',
      message:
        'There is no architecture "ResNet-18". Did you mean resnet18? The architectures are alexnet, densenet121, densenet161, densenet169, densenet201, inception_v3, mobilenet_v2, resnet18, resnet34, resnet50, resnet101, resnet152, squeezenet1_0, squeezenet1_1, vgg11, vgg11_bn, vgg13, vgg13_bn, vgg16, vgg16_bn, vgg19, vgg19_bn.',
    }),
  );
});

describe('a width that the family cannot have is refused', () => {
  const message = (architecture: string, width: number) => {
    try {
      checkArchitecture(architecture, width);
    } catch (error) {
      return (error as Error).message;
    }
    return 'accepted';
  };
  test('for resnet', () => {
    expect(message('resnet18', 0.5)).toBe('model.width is 0.5. For resnet18 it must be 1.');
    expect(message('resnet34', 1)).toBe('accepted');
  });
  test('for mobilenet_v2', () => {
    expect(message('mobilenet_v2', 0)).toBe(
      'model.width is 0. For mobilenet_v2 it must be over 0 and at most 16.',
    );
    expect(message('mobilenet_v2', NaN)).toMatch(/^model.width is NaN/);
    expect(message('mobilenet_v2', 1.4)).toBe('accepted');
  });
});

test('channels are rounded as torchvision does', () => {
  // v = 32 * width; int(v + 4) // 8 * 8, at least 8, and 8 more where that is under 0.9 v.
  expect([4, 11.2, 12, 33.6, 44.8, 48, 89.6, 448].map(makeDivisible)).toEqual([
    8, 16, 16, 32, 48, 48, 88, 448,
  ]);
});

test('the shapes of a network follow from the image size', () => {
  const network = describeNetwork(torchvisionSpec('resnet18', 1, 10));
  const shapes = inferShapes(network, 224);
  expect(shapes.get('conv1')).toEqual([64, 112, 112]);
  expect(shapes.get('maxpool')).toEqual([64, 56, 56]);
  expect(shapes.get('layer4.1.relu_1')).toEqual([512, 7, 7]);
  expect(shapes.get('fc')).toEqual([10]);
});

test("TensorFlow's padding gives ceil(size / stride), PyTorch's the same for even sizes", () => {
  const torch = describeNetwork(torchvisionSpec('mobilenet_v2', 1, 10));
  const tensorflow = describeNetwork({
    ...torchvisionSpec('mobilenet_v2', 1, 10),
    convention: 'tensorflow',
  });
  for (const size of [96, 97, 130]) {
    const last = (network: typeof torch) => inferShapes(network, size).get('features.18.2');
    expect(last(torch)).toEqual(last(tensorflow));
    expect(last(tensorflow)).toEqual([1280, Math.ceil(size / 32), Math.ceil(size / 32)]);
  }
});

test('the features of a network are what its classifier takes, before dropout', () => {
  const network = describeNetwork(torchvisionSpec('mobilenet_v2', 1.4, 16));
  expect(featuresOf(network)).toBe('flatten');
  expect(layersUpTo(network, 'flatten').map(({ name }) => name)).not.toContain('classifier.0');
  expect(headOf(network, 224)).toEqual({
    kind: 'linear',
    weightName: 'classifier.1.weight',
    biasName: 'classifier.1.bias',
    numFeatures: 1792,
    numClasses: 16,
  });
});

test('a part of a network is what its output needs, and no more', () => {
  const network = describeNetwork(torchvisionSpec('resnet18', 1, 10));
  const names = layersUpTo(network, 'layer2.0.downsample.1').map(({ name }) => name);
  expect(names.at(-1)).toBe('layer2.0.downsample.1');
  expect(names).toContain('layer1.1.relu_1');
  expect(names).not.toContain('layer2.0.conv1');
});

test('a network has as many parameters as its paper says', () => {
  const count = (architecture: string) =>
    stateDictSpecs(describeNetwork(torchvisionSpec(architecture, 1, 1000)))
      .filter(({ role }) => role === 'parameter')
      .reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b), 0);
  // torchvision's documentation of its published weights.
  expect(count('resnet18')).toBe(11689512);
  expect(count('resnet34')).toBe(21797672);
  expect(count('mobilenet_v2')).toBe(3504872);
});

test("squeezenet's head is a convolution over maps, whose size follows from the image's", () => {
  const network = describeNetwork(torchvisionSpec('squeezenet1_0', 1, 16));
  // 224 -> 109 (conv) -> 54 -> 27 -> 13, each rounded up.
  expect(featuresOf(network)).toBe('features.12.cat');
  expect(headOf(network, 224)).toEqual({
    kind: 'convPool',
    weightName: 'classifier.1.weight',
    biasName: 'classifier.1.bias',
    numFeatures: 512 * 13 * 13,
    numClasses: 16,
    channels: 512,
    height: 13,
    width: 13,
  });
  expect(headLayout(headOf(network, 64)).entries.map(({ shape }) => shape)).toEqual([
    [16],
    [16, 512, 1, 1],
  ]);
});

describe('the initial head', () => {
  const head = {
    kind: 'linear' as const,
    weightName: 'fc.weight',
    biasName: 'fc.bias',
    numFeatures: 400,
    numClasses: 50,
  };

  test('lies bias first, as names are sorted', () => {
    expect(headLayout(head).entries.map(({ name, offset }) => [name, offset])).toEqual([
      ['fc.bias', 0],
      ['fc.weight', 50],
    ]);
  });

  test('is uniform in +-1/sqrt(F), and repeats for a seed', () => {
    const parameters = initialHead(head, 7);
    expect(parameters.length).toBe(50 * 401);
    // U(-0.05, 0.05) has mean 0 and standard deviation 0.05 / sqrt(3) = 0.02887.
    const mean = parameters.reduce((a, b) => a + b) / parameters.length;
    const deviation = Math.sqrt(parameters.reduce((a, b) => a + b * b) / parameters.length);
    expect(Math.max(...parameters.map(Math.abs))).toBeLessThanOrEqual(Math.fround(0.05));
    expect(Math.max(...parameters)).toBeGreaterThan(0.0499);
    expect(Math.abs(mean)).toBeLessThan(0.001);
    expect(deviation).toBeCloseTo(0.02887, 3);
    expect(initialHead(head, 7)).toEqual(parameters);
    expect(initialHead(head, 8)).not.toEqual(parameters);
  });

  test('of squeezenet is that of nn.Conv2d: uniform in +-1/sqrt(C)', () => {
    const squeezenet = describeNetwork(torchvisionSpec('squeezenet1_1', 1, 50));
    const parameters = initialHead(headOf(squeezenet, 64), 7);
    expect(parameters.length).toBe(50 * 513);
    // 1 / sqrt(512) = 0.04419
    expect(Math.max(...parameters.map(Math.abs))).toBeLessThanOrEqual(0.0442);
    expect(Math.max(...parameters)).toBeGreaterThan(0.0441);
  });
});
