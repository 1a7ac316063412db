import { torchDefault } from '../../../src/models/initialisation.js';
import { imagesName, type Layer, type Network } from '../../../src/models/network.js';

/** Side in pixels of the images that the network below is judged with. */
export const oddImageSize = 37;

function padding(top: number, left: number, bottom: number, right: number) {
  return { top, left, bottom, right };
}

/** Two branches of everything that architectures leave out: odd strides, dilations, groups and paddings, each side its own. */
const layers: readonly Layer[] = [
  {
    ...{ kind: 'affine', name: 'scaled', inputs: [imagesName] },
    ...{ scale: [0.5, 2, 1.5], shift: [0.1, -0.2, 0.3] },
  },
  {
    ...{ kind: 'conv2d', name: 'conv_a', inputs: ['scaled'], inChannels: 3, outChannels: 12 },
    ...{ kernel: [5, 3], stride: [2, 3], padding: padding(1, 2, 0, 1), dilation: [1, 2] },
    ...{ groups: 3, bias: true },
  },
  {
    ...{ kind: 'batchNorm', name: 'norm_a', inputs: ['conv_a'], channels: 12 },
    ...{ epsilon: 1e-3, momentum: 0.3 },
  },
  { kind: 'relu6', name: 'relu_a', inputs: ['norm_a'] },
  {
    ...{ kind: 'maxPool', name: 'pool_a', inputs: ['relu_a'], kernel: [3, 2], stride: [2, 1] },
    ...{ padding: padding(1, 1, 1, 1), dilation: [1, 2], ceilMode: true },
  },
  {
    ...{ kind: 'conv2d', name: 'conv_b', inputs: ['pool_a'], inChannels: 12, outChannels: 16 },
    ...{ kernel: [3, 2], stride: [2, 2], padding: 'same', dilation: [2, 1] },
    ...{ groups: 4, bias: false },
  },
  {
    ...{ kind: 'batchNorm', name: 'norm_b', inputs: ['conv_b'], channels: 16 },
    ...{ epsilon: 1e-5, momentum: null },
  },
  { kind: 'relu', name: 'relu_b', inputs: ['norm_b'] },
  {
    ...{ kind: 'avgPool', name: 'pool_b', inputs: ['relu_b'], kernel: [3, 3], stride: [1, 1] },
    ...{ padding: padding(1, 1, 1, 1), countIncludePad: false },
  },
  {
    ...{ kind: 'conv2d', name: 'depthwise', inputs: ['relu_b'], inChannels: 16, outChannels: 32 },
    ...{ kernel: [3, 3], stride: [1, 1], padding: padding(2, 0, 0, 2), dilation: [1, 1] },
    ...{ groups: 16, bias: true },
  },
  {
    ...{
      kind: 'conv2d',
      name: 'pointwise',
      inputs: ['depthwise'],
      inChannels: 32,
      outChannels: 16,
    },
    ...{ kernel: [1, 1], stride: [1, 1], padding: padding(0, 0, 0, 0), dilation: [1, 1] },
    ...{ groups: 1, bias: true },
  },
  { kind: 'add', name: 'sum', inputs: ['pool_b', 'pointwise'] },
  { kind: 'concat', name: 'both', inputs: ['sum', 'relu_b', 'pointwise'] },
  { kind: 'dropout', name: 'dropped_maps', inputs: ['both'], probability: 0.2 },
  { kind: 'adaptiveAvgPool', name: 'averaged', inputs: ['dropped_maps'], outputSize: [2, 3] },
  { kind: 'flatten', name: 'flat', inputs: ['averaged'] },
  {
    kind: 'linear',
    name: 'hidden',
    inputs: ['flat'],
    inFeatures: 288,
    outFeatures: 23,
    bias: false,
  },
  { kind: 'relu', name: 'relu_c', inputs: ['hidden'] },
  { kind: 'dropout', name: 'dropped', inputs: ['relu_c'], probability: 0.5 },
  {
    kind: 'linear',
    name: 'logits',
    inputs: ['dropped'],
    inFeatures: 23,
    outFeatures: 10,
    bias: true,
  },
];

export const oddNetwork: Network = {
  layers,
  inputChannels: 3,
  classifier: 'logits',
  output: 'logits',
  auxiliaryClassifiers: [],
  containers: new Map(),
  initialisation: { conv2d: torchDefault, linear: torchDefault },
};
