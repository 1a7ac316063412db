import { z } from 'zod';
import type { Conv2dLayer, Network } from '../../network.js';
import { foldIntoConv } from '../../onnx/fold-batch-norm.js';
import { describeNetwork, type NetworkSpec } from '../../registry.js';
import { inferShapes, sizeOf } from '../../shapes.js';
import type { StoredTensor } from '../tensor-set.js';
import { matchComputations } from './computation.js';
import { toTorchLayout } from './conv-layout.js';
import { KerasGraph, type KerasConv } from './keras-computation.js';
import type { LayersModel } from './layers-model.js';
import { averagedLayer, networkComputation } from './network-computation.js';
import type { TfjsWeight } from './weights-manifest.js';

function weightOf(model: LayersModel, name: string): TfjsWeight {
  const weight = model.weights.get(name);
  if (weight === undefined) throw new Error(`it has no weight ${name}`);
  return weight;
}

/** A weight or bias of a batch norm, or what it is where Keras was told to leave it out. */
function normValues(
  model: LayersModel,
  { layer, key, channels }: { layer: string; key: string; channels: number },
  missing?: number,
): Float32Array {
  const weight = model.weights.get(`${layer}/${key}`);
  if (weight === undefined && missing !== undefined) {
    return new Float32Array(channels).fill(missing);
  }
  const { data } = weight ?? weightOf(model, `${layer}/${key}`);
  if (data.length !== channels) {
    throw new Error(`${layer}/${key} has ${data.length} values for ${channels} channels`);
  }
  return data;
}

const normSchema = z.looseObject({ epsilon: z.number(), center: z.boolean(), scale: z.boolean() });

/** A convolution's weight and bias with its batch norm folded in, named and laid out as ours. */
function convTensors(
  model: LayersModel,
  { layer, batchNorm }: KerasConv,
  ours: Conv2dLayer,
): [string, StoredTensor][] {
  const isDepthwise = layer.className === 'DepthwiseConv2D';
  const key = isDepthwise ? 'depthwise_kernel' : 'kernel';
  const kernel = weightOf(model, `${layer.name}/${key}`);
  const weight = toTorchLayout(kernel.shape, kernel.data, isDepthwise);
  const expected = [ours.outChannels, ours.inChannels / ours.groups, ...ours.kernel];
  if (weight.shape.join() !== expected.join()) {
    throw new Error(
      `${layer.name}/${key} has shape [${kernel.shape.join(', ')}], which is not that of ${ours.name}`,
    );
  }
  const channels = ours.outChannels;
  const hasBias = layer.config['use_bias'] === true;
  const bias = hasBias
    ? normValues(model, { layer: layer.name, key: 'bias', channels })
    : new Float32Array(channels);
  const named = (w: StoredTensor, b: Float32Array): [string, StoredTensor][] => [
    [`${ours.name}.weight`, w],
    [`${ours.name}.bias`, { shape: [channels], data: b }],
  ];
  if (batchNorm === undefined) return named(weight, bias);
  const { epsilon, center, scale } = normSchema.parse(batchNorm.config);
  const value = (name: string, missing?: number): Float32Array =>
    normValues(model, { layer: batchNorm.name, key: name, channels }, missing);
  const gamma = value('gamma', scale ? undefined : 1);
  const beta = value('beta', center ? undefined : 0);
  const mean = value('moving_mean');
  const variance = value('moving_variance');
  const factor = Float64Array.from(gamma, (g, c) => g / Math.sqrt(variance[c]! + epsilon));
  const shift = Float64Array.from(beta, (b, c) => b - mean[c]! * factor[c]!);
  const folded = foldIntoConv({ ...ours, bias: true }, new Map(named(weight, bias)), {
    scale: factor,
    shift,
  });
  return named({ shape: weight.shape, data: folded.weight }, folded.bias);
}

/** The side of the maps that are averaged, at the size that the model was made for. */
function mapSize(network: Network, layer: string, imageSize: number): number {
  return sizeOf(inferShapes(network, imageSize).get(layer)!)[0];
}

/**
 * The network of a tfjs layers model with its tensors, named as our description names them; the classifier is left out. The two are
 * compared computation by computation, so that Keras' names do not matter. Throws an Error that says what does not fit.
 */
export function mapLayersModel(
  model: LayersModel,
  options: Pick<NetworkSpec, 'architecture' | 'width' | 'numClasses'>,
): { spec: NetworkSpec; tensors: Map<string, StoredTensor> } {
  const spec: NetworkSpec = {
    ...options,
    convention: 'tensorflow',
    batchNorm: 'folded',
    inputAffine: null,
  };
  const network = describeNetwork(spec);
  const averaged = averagedLayer(network);
  const graph = new KerasGraph(model);
  const maps = graph.mapsLayer(mapSize(network, averaged, graph.imageSize()));
  const pairs = matchComputations(graph.of(maps), networkComputation(network, averaged));
  const tensors = new Map<string, StoredTensor>();
  for (const layer of network.layers) {
    const theirs = pairs.get(layer.name);
    if (layer.kind !== 'conv2d' || theirs === undefined) continue;
    const conv = graph.convs.get(theirs)!;
    for (const [name, tensor] of convTensors(model, conv, layer)) tensors.set(name, tensor);
  }
  return { spec, tensors };
}
