import {
  imagesName,
  layersUpTo,
  type BatchNormLayer,
  type Conv2dLayer,
  type ExplicitPadding,
  type Layer,
  type Network,
} from '../network.js';
import { inferShapes, resolveWindow, sizeOf, type Shape } from '../shapes.js';
import { numElements } from '../tensor-specs.js';
import { floatsOf, type TensorSet } from '../weights/tensor-set.js';
import { batchNormAffine, foldIntoConv } from './fold-batch-norm.js';
import { lowerAdaptiveAvgPool } from './adaptive-avg-pool.js';
import { GraphBuilder } from './graph-builder.js';

/** Part of the key of everything that is made from lowered graphs: raise it when their bytes change. */
export const loweringVersion = 3;

export interface LowerOptions {
  readonly imageSize: number;
  /** The layer whose output is the graph's; of several (or `images`) that are flat, the outputs side by side. */
  readonly output: string | readonly string[];
  /** The graph's name for it: `features` or `logits`. */
  readonly outputName: string;
  /** Whether the output is flattened: [N, C, H, W] maps as rows [N, C * H * W]. */
  readonly flat?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** ONNX: [top, left, bottom, right]. */
function onnxPads({ top, left, bottom, right }: ExplicitPadding): number[] {
  return [top, left, bottom, right];
}

/** The convolutions whose only reader is a batch norm, by the batch norm's name: the two become one node. */
function foldableConvs(
  layers: readonly Layer[],
  outputs: readonly string[],
): Map<string, Conv2dLayer> {
  const readers = new Map<string, number>(outputs.map((output) => [output, 1]));
  for (const { inputs } of layers) {
    for (const input of inputs) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  const convs = new Map(layers.flatMap((l) => (l.kind === 'conv2d' ? [[l.name, l] as const] : [])));
  const foldable = new Map<string, Conv2dLayer>();
  for (const layer of layers) {
    if (layer.kind !== 'batchNorm') continue;
    const conv = convs.get(layer.inputs[0]!);
    if (conv !== undefined && readers.get(conv.name) === 1) foldable.set(layer.name, conv);
  }
  return foldable;
}

/** Lowers one layer after the other; each has one node, or none where another node does its work. */
class Lowering {
  readonly graph: GraphBuilder;
  readonly #tensors: TensorSet;
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #folded: ReadonlyMap<string, Conv2dLayer>;
  readonly #skipped: ReadonlySet<string>;
  /** Layer name -> the graph value that holds its output. */
  readonly #values = new Map<string, string>([[imagesName, imagesName]]);

  constructor(
    graph: GraphBuilder,
    layers: readonly Layer[],
    outputs: readonly string[],
    shapes: ReadonlyMap<string, Shape>,
    tensors: TensorSet,
  ) {
    this.graph = graph;
    this.#tensors = tensors;
    this.#shapes = shapes;
    this.#folded = foldableConvs(layers, outputs);
    this.#skipped = new Set([...this.#folded.values()].map(({ name }) => name));
  }

  /** `value` is the name that the output gets, where a node is made for it. */
  lower(layer: Layer, value: string): void {
    if (this.#skipped.has(layer.name)) return;
    this.#values.set(layer.name, this.#lowered(layer, value));
  }

  valueOf(layerName: string): string {
    const value = this.#values.get(layerName);
    if (value === undefined) throw new Error(`${layerName} has not been lowered`);
    return value;
  }

  #lowered(layer: Layer, value: string): string {
    const { graph } = this;
    const foldedConv = this.#folded.get(layer.name);
    if (foldedConv !== undefined && layer.kind === 'batchNorm') {
      const affine = batchNormAffine(layer, this.#tensors);
      const { weight, bias } = foldIntoConv(foldedConv, this.#tensors, affine);
      return this.#conv(foldedConv, value, weight, bias);
    }
    const inputs = layer.inputs.map((name) => this.valueOf(name));
    const shape = this.#shapes.get(layer.inputs[0]!)!;
    switch (layer.kind) {
      case 'conv2d': {
        const weight = floatsOf(this.#tensors, `${layer.name}.weight`);
        const bias = layer.bias ? floatsOf(this.#tensors, `${layer.name}.bias`) : undefined;
        return this.#conv(layer, value, weight, bias);
      }
      case 'batchNorm':
        return this.#batchNorm(layer, value, inputs);
      case 'relu':
        return graph.node('Relu', value, inputs);
      case 'relu6': {
        const low = graph.floats('relu6.min', [], [0]);
        const high = graph.floats('relu6.max', [], [6]);
        return graph.node('Clip', value, [...inputs, low, high]);
      }
      case 'maxPool': {
        const { padding } = resolveWindow(sizeOf(shape), layer);
        return graph.node('MaxPool', value, inputs, {
          kernel_shape: layer.kernel,
          strides: layer.stride,
          pads: onnxPads(padding),
          dilations: layer.dilation,
        });
      }
      case 'avgPool': {
        const { padding } = resolveWindow(sizeOf(shape), layer);
        return graph.node('AveragePool', value, inputs, {
          kernel_shape: layer.kernel,
          strides: layer.stride,
          pads: onnxPads(padding),
          count_include_pad: layer.countIncludePad ? 1 : 0,
        });
      }
      case 'adaptiveAvgPool': {
        return lowerAdaptiveAvgPool(graph, value, inputs[0]!, sizeOf(shape), layer.outputSize);
      }
      case 'add':
        return graph.node('Add', value, inputs);
      case 'concat':
        return graph.node('Concat', value, inputs, { axis: 1 });
      case 'flatten':
        return graph.node('Flatten', value, inputs, { axis: 1 });
      case 'dropout':
        return inputs[0]!;
      case 'linear': {
        const { inFeatures, outFeatures, name } = layer;
        const parameter = (suffix: string, dims: readonly number[]) =>
          graph.constant(`${name}.${suffix}`, dims, floatsOf(this.#tensors, `${name}.${suffix}`));
        const operands = [...inputs, parameter('weight', [outFeatures, inFeatures])];
        if (layer.bias) operands.push(parameter('bias', [outFeatures]));
        return graph.node('Gemm', value, operands, { transB: 1 });
      }
      case 'affine': {
        const dims = [layer.scale.length, 1, 1];
        const scale = graph.floats(`${layer.name}.scale`, dims, layer.scale);
        const shift = graph.floats(`${layer.name}.shift`, dims, layer.shift);
        const scaled = graph.node('Mul', `${value}.scaled`, [inputs[0]!, scale]);
        return graph.node('Add', value, [scaled, shift]);
      }
    }
  }

  #conv(
    layer: Conv2dLayer,
    value: string,
    weight: Float32Array,
    bias: Float32Array | undefined,
  ): string {
    const { name, inChannels, outChannels, groups, kernel } = layer;
    const input = layer.inputs[0]!;
    const { padding } = resolveWindow(sizeOf(this.#shapes.get(input)!), layer);
    const dims = [outChannels, inChannels / groups, ...kernel];
    const operands = [this.valueOf(input), this.graph.constant(`${name}.weight`, dims, weight)];
    if (bias !== undefined) {
      operands.push(this.graph.constant(`${name}.bias`, [outChannels], bias));
    }
    return this.graph.node('Conv', value, operands, {
      kernel_shape: kernel,
      strides: layer.stride,
      pads: onnxPads(padding),
      dilations: layer.dilation,
      group: groups,
    });
  }

  #batchNorm(layer: BatchNormLayer, value: string, inputs: readonly string[]): string {
    const operands = ['weight', 'bias', 'running_mean', 'running_var'].map((suffix) => {
      const name = `${layer.name}.${suffix}`;
      return this.graph.constant(name, [layer.channels], floatsOf(this.#tensors, name));
    });
    return this.graph.node('BatchNormalization', value, [...inputs, ...operands], {
      epsilon: { float: layer.epsilon },
    });
  }
}

/**
 * The ONNX file of the part of a network that the output needs, in evaluation mode: input `images` [N, C, S, S] float32
 * with dynamic N, batch norm folded into convolutions where it can be. `tensors` must fit the network.
 */
export function lowerNetwork(
  network: Network,
  tensors: TensorSet,
  options: LowerOptions,
): Uint8Array {
  const { imageSize, output, outputName, flat = false } = options;
  const outputs = typeof output === 'string' ? [output] : output;
  if (outputs.length !== 1 && !flat) throw new Error('several outputs can only be rows');
  const shapes = inferShapes(network, imageSize, ...outputs);
  const layers = layersUpTo(network, ...outputs);
  const graph = new GraphBuilder(outputName);
  graph.input(imagesName, 'float', ['N', network.inputChannels, imageSize, imageSize]);
  const lowering = new Lowering(graph, layers, outputs, shapes, tensors);
  const shapesOfOutputs = outputs.map((name) => shapes.get(name)!);
  const isFlattened = shapesOfOutputs.map((shape) => flat && shape.length > 1);
  const [only] = outputs.length === 1 && !isFlattened[0] ? outputs : [];
  for (const layer of layers) lowering.lower(layer, layer.name === only ? outputName : layer.name);
  const values = outputs.map((name) => lowering.valueOf(name));
  const rows = values.map((value, i) => {
    if (!isFlattened[i]) return value;
    const flattened = outputs.length === 1 ? outputName : `${outputs[i]!}.rows`;
    return graph.node('Flatten', flattened, [value], { axis: 1 });
  });
  if (rows.length > 1) graph.node('Concat', outputName, rows, { axis: 1 });
  // Dropout has no node of its own: it is the identity here.
  else if (rows[0] !== outputName) graph.node('Identity', outputName, rows);
  const length = shapesOfOutputs.reduce((sum, shape) => sum + numElements(shape), 0);
  graph.output(outputName, 'float', ['N', ...(flat ? [length] : shapesOfOutputs[0]!)]);
  return graph.build(options.metadata);
}
