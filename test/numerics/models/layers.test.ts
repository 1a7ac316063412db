import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Layer } from '../../../src/models/network.js';
import { lowerNetwork } from '../../../src/models/onnx/lower-network.js';
import { inferShapes } from '../../../src/models/shapes.js';
import { networkOf } from '../../support/models/network-of.js';
import { relativeError, values } from './formula.js';
import { runImages } from './run-onnx.js';

const expected = JSON.parse(
  readFileSync(new URL('../fixtures/models/layers.json', import.meta.url), 'utf8'),
) as {
  shapes: { m: number[]; q: number[] };
  flat: number;
  out: number[];
};

const none = { top: 0, left: 0, bottom: 0, right: 0 };
const one = { top: 1, left: 1, bottom: 1, right: 1 };

/** layers() of make_fixtures.py. */
const layers: Layer[] = [
  {
    kind: 'affine',
    name: 'input',
    inputs: ['images'],
    scale: [1.5, 0.5, 2],
    shift: [0.25, -1, 0.5],
  },
  {
    kind: 'conv2d',
    name: 'a',
    inputs: ['input'],
    inChannels: 3,
    outChannels: 6,
    kernel: [3, 2],
    stride: [2, 1],
    padding: { top: 0, left: 1, bottom: 1, right: 2 },
    dilation: [1, 2],
    groups: 1,
    bias: true,
  },
  { kind: 'batchNorm', name: 'an', inputs: ['a'], channels: 6, epsilon: 1e-3, momentum: 0.1 },
  { kind: 'relu', name: 'ar', inputs: ['an'] },
  {
    kind: 'conv2d',
    name: 'b',
    inputs: ['ar'],
    inChannels: 6,
    outChannels: 4,
    kernel: [1, 1],
    stride: [1, 1],
    padding: none,
    dilation: [1, 1],
    groups: 2,
    bias: false,
  },
  { kind: 'relu6', name: 'a6', inputs: ['an'] },
  { kind: 'batchNorm', name: 'c', inputs: ['a6'], channels: 6, epsilon: 1e-5, momentum: 0.1 },
  { kind: 'concat', name: 'x', inputs: ['b', 'c'] },
  {
    kind: 'maxPool',
    name: 'm',
    inputs: ['x'],
    kernel: [2, 2],
    stride: [3, 2],
    padding: { top: 1, left: 0, bottom: 1, right: 0 },
    dilation: [1, 1],
    ceilMode: true,
  },
  {
    kind: 'avgPool',
    name: 'q',
    inputs: ['x'],
    kernel: [3, 3],
    stride: [2, 2],
    padding: one,
    countIncludePad: true,
  },
  {
    kind: 'avgPool',
    name: 'r',
    inputs: ['x'],
    kernel: [3, 3],
    stride: [2, 2],
    padding: one,
    countIncludePad: false,
  },
  { kind: 'add', name: 's', inputs: ['q', 'r'] },
  { kind: 'adaptiveAvgPool', name: 'n', inputs: ['s'], outputSize: [2, 1] },
  { kind: 'flatten', name: 'mf', inputs: ['m'] },
  { kind: 'flatten', name: 'nf', inputs: ['n'] },
  { kind: 'concat', name: 'f', inputs: ['mf', 'nf'] },
  { kind: 'dropout', name: 'd', inputs: ['f'], probability: 0.5 },
  {
    kind: 'linear',
    name: 'out',
    inputs: ['d'],
    inFeatures: expected.flat,
    outFeatures: 5,
    bias: false,
  },
];
const network = networkOf(layers);

/** [shape, salt, low, high] of each tensor in the script. */
const formulas: Record<string, [number[], number, number, number]> = {
  'a.weight': [[6, 3, 3, 2], 2, -0.5, 0.5],
  'a.bias': [[6], 3, -0.5, 0.5],
  'an.weight': [[6], 4, 0.5, 1.5],
  'an.bias': [[6], 5, -0.5, 0.5],
  'an.running_mean': [[6], 6, -0.5, 0.5],
  'an.running_var': [[6], 7, 0.5, 1.5],
  'b.weight': [[4, 3, 1, 1], 8, -0.5, 0.5],
  'c.weight': [[6], 9, 0.5, 1.5],
  'c.bias': [[6], 10, -0.5, 0.5],
  'c.running_mean': [[6], 11, -0.5, 0.5],
  'c.running_var': [[6], 12, 0.5, 1.5],
  'out.weight': [[5, expected.flat], 13, -0.5, 0.5],
};

test('every kind of layer, with uneven windows, computes what PyTorch computes', async () => {
  const shapes = inferShapes(network, 14);
  expect(shapes.get('m')).toEqual(expected.shapes.m);
  expect(shapes.get('q')).toEqual(expected.shapes.q);
  const tensors = new Map(
    Object.entries(formulas).map(([name, [shape, salt, low, high]]) => [
      name,
      {
        shape,
        data: values(
          shape.reduce((a, b) => a * b),
          salt,
          low,
          high,
        ),
      },
    ]),
  );
  const onnx = lowerNetwork(network, tensors, {
    imageSize: 14,
    output: 'out',
    outputName: 'logits',
  });
  const logits = await runImages(onnx, values(2 * 3 * 14 * 14, 1, -2, 2), [2, 3, 14, 14]);
  expect(relativeError(logits, expected.out)).toBeLessThan(1e-6);
});
