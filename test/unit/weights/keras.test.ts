import { describe, expect, test } from 'vitest';
import { normal } from '../../../src/models/initialisation.js';
import { NetworkBuilder, symmetric } from '../../../src/models/network-builder.js';
import { imagesName } from '../../../src/models/network.js';
import { matchComputations } from '../../../src/models/weights/tfjs/computation.js';
import { KerasGraph } from '../../../src/models/weights/tfjs/keras-computation.js';
import type { KerasLayer, LayersModel } from '../../../src/models/weights/tfjs/layers-model.js';
import {
  averagedLayer,
  networkComputation,
} from '../../../src/models/weights/tfjs/network-computation.js';

const conv = (changes: Record<string, unknown> = {}) => ({
  ...{ filters: 4, kernel_size: [3, 3], strides: [1, 1], padding: 'same', activation: 'linear' },
  ...{ data_format: 'channels_last', dilation_rate: [1, 1] },
  ...changes,
});
const pool = { pool_size: [8, 8], strides: [8, 8], padding: 'valid', data_format: 'channels_last' };

type Rows = readonly (readonly [string, string, Record<string, unknown>, ...string[]])[];

/** Layers by name, class, configuration and inputs; the last one is the output. */
function model(rows: Rows): LayersModel {
  const layers = rows.map(([name, className, config, ...inputs]): KerasLayer => ({
    name,
    className,
    config,
    inputs,
  }));
  return {
    layers: new Map(layers.map((layer) => [layer.name, layer])),
    output: layers.at(-1)!.name,
    weights: new Map(),
  };
}

const input = ['in', 'InputLayer', { batch_input_shape: [null, 16, 16, 3] }] as const;
const norm = { axis: 3, epsilon: 1e-3, center: true, scale: true };

/** Two branches of one shape, added in another order than ours, under a classifier. */
const residual: Rows = [
  input,
  [
    'pad',
    'ZeroPadding2D',
    {
      padding: [
        [0, 1],
        [0, 1],
      ],
      data_format: 'channels_last',
    },
    'in',
  ],
  ['c1', 'Conv2D', conv({ strides: [2, 2], padding: 'valid' }), 'pad'],
  ['n1', 'BatchNormalization', norm, 'c1'],
  ['r1', 'ReLU', { max_value: 6 }, 'n1'],
  ['c2', 'Conv2D', conv({ kernel_size: [1, 1], activation: 'relu' }), 'r1'],
  ['sum', 'Add', {}, 'r1', 'c2'],
  ['mean', 'AveragePooling2D', pool, 'sum'],
  ['flat', 'Flatten', {}, 'mean'],
  ['out', 'Dense', {}, 'flat'],
];

function ours(change: { kernel?: number } = {}) {
  const net = new NetworkBuilder('Test', { conv2d: normal(1), linear: normal(1) });
  let x = net.conv('first', imagesName, 4, { kernel: 3, stride: 2, padding: 'same', bias: true });
  x = net.relu6('activated', x);
  const { kernel = 1 } = change;
  const padding = symmetric((kernel - 1) / 2);
  const branch = net.relu('branch.relu', net.conv('branch', x, 4, { kernel, padding, bias: true }));
  x = net.add('sum', branch, x);
  x = net.flatten('flat', net.adaptiveAvgPool('mean', x, 1));
  return net.build({ classifier: net.linear('fc', x, 2) });
}

const mapsOf = (rows: Rows) => {
  const graph = new KerasGraph(model(rows));
  return graph.of(graph.mapsLayer(8));
};

describe('a Keras model', () => {
  test('is matched with a network by what it computes', () => {
    const network = ours();
    expect(averagedLayer(network)).toBe('sum');
    const pairs = matchComputations(mapsOf(residual), networkComputation(network, 'sum'));
    expect(Object.fromEntries(pairs)).toEqual({ first: 'c1', branch: 'c2' });
  });

  test('that computes something else is refused at the first such place', () => {
    const network = ours({ kernel: 3 });
    expect(() => matchComputations(mapsOf(residual), networkComputation(network, 'sum'))).toThrow(
      'c2 is convolution to 4 1x1 stride 1x1 padding 0,0,0,0 where branch of the network is convolution to 4 3x3 stride 1x1 padding 1,1,1,1',
    );
  });

  const replaced = (name: string, className: string, config: object, ...inputs: string[]): Rows =>
    residual.map((row) =>
      row[0] === name ? [name, className, config as Record<string, unknown>, ...inputs] : row,
    );
  const refused: [string, Rows, string][] = [
    [
      'is dilated',
      replaced('c2', 'Conv2D', conv({ dilation_rate: [2, 2] }), 'r1'),
      'c2 is dilated',
    ],
    [
      'has a layer of another kind',
      replaced('r1', 'LeakyReLU', {}, 'n1'),
      'r1 is a LeakyReLU, which is not read',
    ],
    [
      'has another activation',
      replaced('c2', 'Conv2D', conv({ activation: 'swish' }), 'r1'),
      'c2 has the activation swish',
    ],
    [
      'normalises what is no convolution',
      replaced('n1', 'BatchNormalization', norm, 'in'),
      'batch norm n1 does not follow a convolution',
    ],
    [
      'uses a convolution with and without its batch norm',
      replaced('sum', 'Add', {}, 'c1', 'c2'),
      'batch norm n1 does not follow a convolution',
    ],
    ['depends on itself', replaced('r1', 'ReLU', {}, 'sum'), 'sum depends on itself'],
    ['lacks a layer', replaced('r1', 'ReLU', {}, 'gone'), 'it has no layer gone'],
    [
      'averages a part of its maps',
      replaced('mean', 'AveragePooling2D', { ...pool, pool_size: [4, 4] }, 'sum'),
      'mean averages 4x4 of 8x8',
    ],
    [
      'has its channels first',
      replaced('c2', 'Conv2D', conv({ data_format: 'channels_first' }), 'r1'),
      'Conv2D c2: data_format: Invalid input: expected "channels_last"',
    ],
  ];
  test.each(refused)('that %s is refused', (_what, rows, message) => {
    expect(() => mapsOf(rows)).toThrow(message);
  });
});
