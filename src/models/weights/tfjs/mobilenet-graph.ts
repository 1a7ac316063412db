import type { Conv2dLayer, Network } from '../../network.js';
import { describeNetwork, type NetworkSpec } from '../../registry.js';
import type { StoredTensor } from '../tensor-set.js';
import { toTorchLayout } from './conv-layout.js';
import {
  integersAttribute,
  stringAttribute,
  stringsAttribute,
  type GraphModel,
  type GraphNode,
} from './graph-model.js';

/**
 * TensorFlow's MobileNetV2 (slim's variable names, batch norm folded by the tfjs converter) as our description. Where a graph
 * differs from what the description says, it is refused: it would compute something else.
 */

const depthwiseOp = 'FusedDepthwiseConv2dNative';
const convOps = new Set(['_FusedConv2D', depthwiseOp]);
const scopePattern =
  /\/MobilenetV2\/(?:(Conv|Conv_1)|expanded_conv(?:_(\d+))?\/(expand|depthwise|project))\/(?:Conv2D|depthwise)_weights$/;

/** The layer of our description that a convolution's weights belong to, by the variable's name. */
function layerName(weightsName: string, lastIndex: number): string | undefined {
  const match = scopePattern.exec(weightsName);
  if (match === null) return undefined;
  const [, single, index = '0', part] = match;
  if (single !== undefined) return `features.${single === 'Conv' ? 0 : lastIndex}.0`;
  const block = `features.${Number(index) + 1}.conv`;
  // The first block does not expand.
  const shift = index === '0' ? 1 : 0;
  if (part === 'expand') return `${block}.0.0`;
  return part === 'depthwise' ? `${block}.${1 - shift}.0` : `${block}.${2 - shift}`;
}

function expect(node: GraphNode, what: string, actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) === JSON.stringify(expected)) return;
  throw new Error(
    `${node.name} has ${what} ${JSON.stringify(actual)} where ${JSON.stringify(expected)} is needed`,
  );
}

/** Compares what a node computes with the layer of ours that takes its weights. */
function checkConv(node: GraphNode, layer: Conv2dLayer, network: Network): void {
  const activated = network.layers.some(
    ({ kind, inputs }) => kind === 'relu6' && inputs.includes(layer.name),
  );
  expect(node, 'data_format', stringAttribute(node, 'data_format'), 'NHWC');
  expect(node, 'padding', stringAttribute(node, 'padding'), 'SAME');
  expect(node, 'dilations', integersAttribute(node, 'dilations'), [1, 1, 1, 1]);
  expect(node, 'strides', integersAttribute(node, 'strides'), [1, ...layer.stride, 1]);
  expect(
    node,
    'fused_ops',
    stringsAttribute(node, 'fused_ops'),
    activated ? ['BiasAdd', 'Relu6'] : ['BiasAdd'],
  );
}

/** The scalar constant that the image is multiplied with, or that is subtracted from it: input -> Mul -> Sub. */
function inputConstant(graph: GraphModel, op: 'Mul' | 'Sub'): number {
  const node = graph.nodes.find((candidate) => candidate.op === op);
  const [constant, ...others] = (node?.input ?? []).flatMap(
    (name) => graph.weights.get(name) ?? [],
  );
  if (constant?.data.length !== 1 || others.length > 0) {
    throw new Error(`it has no ${op} of the image and a number`);
  }
  return constant.data[0]!;
}

/**
 * The network of a tfjs MobileNetV2 graph with its tensors, named as our description names them; the classifier is left out.
 * Throws an Error that says what does not fit.
 */
export function mapMobilenetGraph(
  graph: GraphModel,
  options: { readonly width: number; readonly numClasses: number },
): { spec: NetworkSpec; tensors: Map<string, StoredTensor> } {
  const scale = inputConstant(graph, 'Mul');
  const shift = -inputConstant(graph, 'Sub');
  const spec: NetworkSpec = {
    architecture: 'mobilenet_v2',
    ...options,
    convention: 'tensorflow',
    batchNorm: 'folded',
    inputAffine: { scale: [scale, scale, scale], shift: [shift, shift, shift] },
  };
  const network = describeNetwork(spec);
  const convs = network.layers.filter((layer) => layer.kind === 'conv2d');
  const lastIndex = Number(convs.at(-1)!.name.split('.')[1]);
  const tensors = new Map<string, StoredTensor>();
  for (const node of graph.nodes) {
    if (!convOps.has(node.op)) continue;
    const [, weightsName = '', biasName = ''] = node.input;
    const name = layerName(weightsName, lastIndex);
    const layer = convs.find((candidate) => candidate.name === name);
    const weight = graph.weights.get(weightsName);
    const bias = graph.weights.get(biasName);
    if (layer === undefined) throw new Error(`its convolution ${node.name} has no counterpart`);
    if (weight === undefined || bias === undefined) throw new Error(`${node.name} has no weights`);
    checkConv(node, layer, network);
    const depthwise = node.op === depthwiseOp;
    tensors.set(`${layer.name}.weight`, toTorchLayout(weight.shape, weight.data, depthwise));
    tensors.set(`${layer.name}.bias`, { shape: bias.shape, data: bias.data });
  }
  const numAdds = graph.nodes.filter(({ op }) => op === 'AddV2').length;
  const expectedAdds = network.layers.filter(({ kind }) => kind === 'add').length;
  if (numAdds !== expectedAdds) {
    throw new Error(`it has ${numAdds} shortcuts where ${expectedAdds} are needed`);
  }
  return { spec, tensors };
}
