import { describe, expect, test } from 'vitest';
import { reportArchitecture } from '../../../src/models/describe/architecture-report.js';
import { moduleText } from '../../../src/models/describe/module-text.js';
import { multiplyAdds } from '../../../src/models/describe/multiply-adds.js';
import { layersNamed, outputLayer } from '../../../src/models/layer-names.js';
import type { Conv2dLayer } from '../../../src/models/network.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';

const networkOf = (name: string) => describeNetwork(torchvisionSpec(name, 1, 10));

const conv: Conv2dLayer = {
  kind: 'conv2d',
  name: 'c',
  inputs: ['images'],
  inChannels: 6,
  outChannels: 4,
  kernel: [3, 5],
  stride: [1, 2],
  padding: { top: 1, left: 2, bottom: 1, right: 2 },
  dilation: [2, 1],
  groups: 2,
  bias: false,
};

describe('a layer prints as PyTorch prints its module', () => {
  test('with all that is not its default', () => {
    expect(moduleText(conv)).toBe(
      'Conv2d(6, 4, kernel_size=(3, 5), stride=(1, 2), padding=(1, 2), dilation=(2, 1), groups=2, bias=False)',
    );
  });

  test('with the paddings that TensorFlow has', () => {
    expect(moduleText({ ...conv, padding: 'same' })).toContain("padding='same'");
    expect(moduleText({ ...conv, padding: { top: 0, left: 0, bottom: 1, right: 1 } })).toContain(
      'padding=(top 0, left 0, bottom 1, right 1)',
    );
  });

  test("with numbers as Python's", () => {
    const norm = {
      kind: 'batchNorm',
      name: 'n',
      inputs: ['c'],
      channels: 4,
      momentum: 0.1,
    } as const;
    const epsilons = [1e-5, 1e-3, 1e-10, 2.5e-7].map(
      (epsilon) => /eps=([^,]*),/.exec(moduleText({ ...norm, epsilon }))![1],
    );
    expect(epsilons).toEqual(['1e-05', '0.001', '1e-10', '2.5e-07']);
    expect(moduleText({ ...norm, epsilon: 1, momentum: null })).toContain('momentum=None');
  });
});

test('multiply-adds are those with a weight, of one image', () => {
  // Each of 4 x 7 x 8 outputs sums 3 channels (of its group) of 3 x 5 inputs.
  expect(multiplyAdds(conv, [4, 7, 8])).toBe(4 * 7 * 8 * 3 * 15);
  const linear = { kind: 'linear', name: 'l', inputs: ['f'], bias: true } as const;
  expect(multiplyAdds({ ...linear, inFeatures: 20, outFeatures: 5 }, [5])).toBe(100);
  expect(multiplyAdds({ kind: 'relu', name: 'r', inputs: ['c'] }, [4, 7, 8])).toBe(0);
});

describe('a name means', () => {
  const network = networkOf('resnet18');

  test('a layer, or a module with all in it', () => {
    const names = (name: string) => layersNamed(network, name).map((layer) => layer.name);
    expect(names('layer2.0.downsample')).toEqual([
      'layer2.0.downsample.0',
      'layer2.0.downsample.1',
    ]);
    expect(names('conv1')).toEqual(['conv1']);
    expect(names('layer1').every((name) => name.startsWith('layer1.'))).toBe(true);
  });

  test('the last of its layers, where an output is asked for', () => {
    expect(outputLayer(network, 'layer4')).toBe('layer4.1.relu_1');
    expect(outputLayer(networkOf('densenet121'), 'features')).toBe('features.norm5');
    expect(outputLayer(networkOf('squeezenet1_0'), 'features.3')).toBe('features.3.cat');
    expect(outputLayer(networkOf('inception_v3'), 'Mixed_7b')).toBe('Mixed_7b.cat_2');
  });

  test('nothing, and is refused with the nearest', () => {
    expect(() => layersNamed(network, 'layer5')).toThrow(
      expect.objectContaining({
        code: 'FT_MODEL_LAYER',
        message:
          'There is no layer "layer5" in this network. The nearest names are layer1, layer2, layer3.',
      }),
    );
    for (const name of ['', 'layer', 'images', 'layer4.']) {
      expect(() => layersNamed(network, name)).toThrow('There is no layer');
    }
  });
});

describe('the report of an architecture', () => {
  test('counts before and after the classifier is replaced', () => {
    const { report } = reportArchitecture({
      architecture: 'resnet',
      width: 1,
      split: { train: ['head'], except: [] },
      numClasses: 16,
    });
    expect(report).toMatchObject({
      architecture: 'resnet18',
      imageSize: 224,
      numFeatures: 512,
      // 513,000 = 1000 * (512 + 1) and 8,208 = 16 * (512 + 1).
      published: { numClasses: 1000, total: 11689512, trained: 513000, frozen: 11176512 },
      replaced: { numClasses: 16, total: 11184720, trained: 8208, frozen: 11176512 },
      classifiers: [
        {
          path: 'fc',
          before: 'Linear(in_features=512, out_features=1000, bias=True)',
          after: 'Linear(in_features=512, out_features=16, bias=True)',
        },
      ],
    });
  });

  test('has every module with its output, its parameters and whether it is frozen', () => {
    const { report } = reportArchitecture({
      architecture: 'resnet18',
      width: 1,
      imageSize: 64,
      split: { train: ['layer4.1'], except: ['layer4.1.bn2.bias'] },
    });
    const of = (path: string) => report.modules.find((module) => module.path === path);
    expect(report.replaced).toBeNull();
    expect(of('')).toMatchObject({ outputShape: [1000], trained: 'partly' });
    expect(of('layer3')).toMatchObject({ outputShape: [256, 4, 4], trained: 'frozen' });
    expect(of('layer4')).toMatchObject({ outputShape: [512, 2, 2], trained: 'partly' });
    expect(of('layer4.1.conv1')).toMatchObject({
      text: 'Conv2d(512, 512, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)',
      numParameters: 512 * 512 * 9,
      multiplyAdds: 512 * 512 * 9 * 4,
      trained: 'trained',
    });
    expect(of('layer4.1.bn1')).toMatchObject({ trained: 'trained' });
    expect(of('layer4.1.bn2')).toMatchObject({ trained: 'partly' });
    expect(of('maxpool')).toMatchObject({ numParameters: 0, trained: null });
    expect(report.modules.map(({ multiplyAdds: n }) => n)[0]).toBe(report.published.multiplyAdds);
  });

  test('has no output for an auxiliary classifier of images that are too small for it', () => {
    const aux = (imageSize: number) =>
      reportArchitecture({
        architecture: 'inception',
        width: 1,
        imageSize,
        split: { train: ['head'], except: [] },
      }).report.modules.find(({ path }) => path === 'AuxLogits')!.outputShape;
    expect(aux(298)).toBeNull();
    expect(aux(299)).toEqual([1000]);
  });

  test('says what a split point costs', () => {
    const { report } = reportArchitecture({
      architecture: 'resnet18',
      width: 1,
      imageSize: 64,
      split: { train: ['layer4.1'], except: ['layer4.1.bn2'] },
      numClasses: 10,
    });
    const convolution = 512 * 512 * 9;
    // Two convolutions, one batch norm of the two, and a classifier of 512 inputs.
    const numTrained = 2 * convolution + 2 * 512 + 10 * 513;
    expect(report.split).toEqual({
      train: ['layer4.1'],
      except: ['layer4.1.bn2'],
      parameters: [
        ...['fc.bias', 'fc.weight', 'layer4.1.bn1.bias', 'layer4.1.bn1.weight'],
        ...['layer4.1.conv1.weight', 'layer4.1.conv2.weight'],
      ],
      numTrained,
      share: numTrained / report.replaced!.total,
      boundaries: [{ layer: 'layer4.0.relu_1', shape: [512, 2, 2] }],
      numFeatures: 2048,
      featureBytes: 8192,
      gradientBytes: 4 * numTrained,
    });
    expect(report.replaced).toMatchObject({ trained: numTrained });
  });
});
