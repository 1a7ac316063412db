import { describe, expect, test } from 'vitest';
import type { Layer } from '../../../src/models/network.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { inferShapes, resolveWindow } from '../../../src/models/shapes.js';
import { networkOf } from '../../support/models/network-of.js';

const symmetric = (pixels: number) => ({
  top: pixels,
  left: pixels,
  bottom: pixels,
  right: pixels,
});

describe('a window', () => {
  test('rounds its output size down', () => {
    // (224 + 6 - 7) / 2 + 1 = 112.5
    expect(
      resolveWindow([224, 7], { kernel: [7, 7], stride: [2, 2], padding: symmetric(3) }).outputSize,
    ).toEqual([112, 4]);
  });

  test('with ceilMode rounds up, and pads at the end for it', () => {
    // (13 - 3) / 4 = 2.5 -> 3 + 1 windows, which reach 15: two pixels more.
    const window = {
      kernel: [3, 3],
      stride: [4, 4],
      padding: symmetric(0),
      ceilMode: true,
    } as const;
    expect(resolveWindow([13, 11], window)).toEqual({
      outputSize: [4, 3],
      padding: { top: 0, left: 0, bottom: 2, right: 0 },
    });
  });

  test('with ceilMode drops a window that would start in the padding at the end', () => {
    // (7 + 2 - 2) / 3 = 2.33 -> 3 + 1 windows, the last at 9 >= 7 + 1: dropped.
    const window = {
      kernel: [2, 2],
      stride: [3, 3],
      padding: symmetric(1),
      ceilMode: true,
    } as const;
    expect(resolveWindow([7, 8], window)).toEqual({
      outputSize: [3, 3],
      padding: { top: 1, left: 1, bottom: 0, right: 0 },
    });
  });

  test('with SAME padding puts the odd pixel at the end', () => {
    // Even: ceil(224 / 2) = 112 windows reach (111 * 2 + 3) = 225: 0 before, 1 after. Odd, 97: 49 windows reach 99: 1 and 1.
    const window = { kernel: [3, 3], stride: [2, 2], padding: 'same' } as const;
    expect(resolveWindow([224, 97], window)).toEqual({
      outputSize: [112, 49],
      padding: { top: 0, left: 1, bottom: 1, right: 1 },
    });
  });

  test('counts its dilated extent', () => {
    expect(
      resolveWindow([10, 10], {
        kernel: [3, 2],
        stride: [1, 1],
        padding: symmetric(0),
        dilation: [2, 3],
      }).outputSize,
    ).toEqual([6, 7]);
  });
});

describe('a description that contradicts itself is a bug', () => {
  const relu = (name: string, input: string): Layer => ({ kind: 'relu', name, inputs: [input] });
  const shapesOf = (layers: Layer[]) => inferShapes(networkOf(layers), 8);

  test('when a layer comes before its input', () => {
    expect(() => shapesOf([relu('a', 'b'), relu('b', 'images'), relu('c', 'a')])).toThrow(
      'a comes before its input b',
    );
  });

  test('when two layers have one name', () => {
    expect(() => shapesOf([relu('a', 'images'), relu('a', 'images')])).toThrow(
      'two layers are called a',
    );
  });

  test('when channels do not fit', () => {
    const norm: Layer = {
      kind: 'batchNorm',
      name: 'n',
      inputs: ['images'],
      channels: 4,
      epsilon: 1e-5,
      momentum: null,
    };
    expect(() => shapesOf([norm])).toThrow('n takes 4 channels, its input has 3');
  });
});

test('an image that is too small for a layer is refused', () => {
  const layers: Layer[] = [
    {
      kind: 'avgPool',
      name: 'pool',
      inputs: ['images'],
      kernel: [9, 9],
      stride: [1, 1],
      padding: symmetric(0),
      countIncludePad: false,
    },
  ];
  expect(() => inferShapes(networkOf(layers), 8)).toThrow(
    expect.objectContaining({
      code: 'FT_MODEL_IMAGE_SIZE',
      message:
        'Images of 8 x 8 pixels are too small for this network. The output of layer pool would be 3 x 0 x 0; the smallest images that work have 9 x 9 pixels.',
    }),
  );
});

test('resnet and mobilenet take images down to one pixel, as in PyTorch', () => {
  for (const architecture of ['resnet18', 'mobilenet_v2']) {
    const network = describeNetwork(torchvisionSpec(architecture, 1, 10));
    expect(inferShapes(network, 1).get(network.classifier)).toEqual([10]);
  }
});
