import { FtctlError } from '../errors/index.js';
import {
  imagesName,
  layersUpTo,
  type ExplicitPadding,
  type Layer,
  type Network,
  type Padding,
  type Pair,
} from './network.js';

/** A layer's output without the batch dimension: [C, H, W] or [F]. */
export type Shape = readonly number[];

interface Window {
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly dilation?: Pair;
  readonly ceilMode?: boolean;
}

/** A sliding window's output size, and its padding in pixels for an input of that size. */
export interface ResolvedWindow {
  readonly outputSize: Pair;
  readonly padding: ExplicitPadding;
}

/** One axis. `extent` is the size of the dilated kernel. */
function resolveAxis(
  size: number,
  extent: number,
  stride: number,
  padding: readonly [number, number] | 'same',
  ceilMode: boolean,
): { output: number; before: number; after: number } {
  if (padding === 'same') {
    const output = Math.ceil(size / stride);
    const total = Math.max((output - 1) * stride + extent - size, 0);
    const before = Math.floor(total / 2);
    return { output, before, after: total - before };
  }
  const [before, after] = padding;
  const steps = (size + before + after - extent) / stride;
  if (!ceilMode) return { output: Math.floor(steps) + 1, before, after };
  let output = Math.ceil(steps) + 1;
  // PyTorch drops a last window that would start in the bottom/right padding.
  if ((output - 1) * stride >= size + before) output -= 1;
  // The padding that makes floor rounding give the same windows; max pooling pads with -infinity.
  const reach = (output - 1) * stride + extent;
  return { output, before, after: Math.max(reach - size - before, 0) };
}

/** Resolves a convolution's or pool's window for an input of `size` [H, W]. */
export function resolveWindow(size: Pair, window: Window): ResolvedWindow {
  const { kernel, stride, padding, dilation = [1, 1], ceilMode = false } = window;
  const axis = (i: 0 | 1, sides: readonly [number, number] | 'same') =>
    resolveAxis(size[i], (kernel[i] - 1) * dilation[i] + 1, stride[i], sides, ceilMode);
  const vertical = axis(0, padding === 'same' ? 'same' : [padding.top, padding.bottom]);
  const horizontal = axis(1, padding === 'same' ? 'same' : [padding.left, padding.right]);
  return {
    outputSize: [vertical.output, horizontal.output],
    padding: {
      top: vertical.before,
      left: horizontal.before,
      bottom: vertical.after,
      right: horizontal.after,
    },
  };
}

/** The [H, W] of a [C, H, W] shape. */
export function sizeOf(shape: Shape): Pair {
  if (shape.length !== 3) throw new Error(`not an image: [${shape.join(', ')}]`);
  return [shape[1]!, shape[2]!];
}

function expectChannels(layer: Layer, shape: Shape, channels: number): void {
  if (shape[0] !== channels) {
    throw new Error(`${layer.name} takes ${channels} channels, its input has ${shape[0]}`);
  }
}

/** The shape of a layer's output for inputs of these shapes. A description that contradicts itself is a bug (Error). */
export function outputShape(layer: Layer, inputs: readonly Shape[]): Shape {
  const [first] = inputs;
  if (first === undefined) throw new Error(`${layer.name} has no input`);
  switch (layer.kind) {
    case 'conv2d':
      expectChannels(layer, first, layer.inChannels);
      return [layer.outChannels, ...resolveWindow(sizeOf(first), layer).outputSize];
    case 'maxPool':
    case 'avgPool':
      return [first[0]!, ...resolveWindow(sizeOf(first), layer).outputSize];
    case 'adaptiveAvgPool':
      return [first[0]!, ...layer.outputSize];
    case 'batchNorm':
      expectChannels(layer, first, layer.channels);
      return first;
    case 'affine':
      expectChannels(layer, first, layer.scale.length);
      return first;
    case 'linear':
      if (first.length !== 1) throw new Error(`${layer.name} takes a flat input`);
      expectChannels(layer, first, layer.inFeatures);
      return [layer.outFeatures];
    case 'flatten':
      return [first.reduce((product, side) => product * side, 1)];
    case 'add':
      for (const shape of inputs) {
        if (shape.join() !== first.join()) throw new Error(`${layer.name} adds unequal shapes`);
      }
      return first;
    case 'concat':
      return [inputs.reduce((sum, shape) => sum + shape[0]!, 0), ...first.slice(1)];
    case 'relu':
    case 'relu6':
    case 'dropout':
      return first;
  }
}

/** A layer that an image of some size leaves without an output. */
interface TooSmall {
  readonly layer: string;
  readonly shape: Shape;
}

function shapesOf(
  network: Network,
  layers: readonly Layer[],
  imageSize: number,
): Map<string, Shape> | TooSmall {
  const shapes = new Map<string, Shape>([
    [imagesName, [network.inputChannels, imageSize, imageSize]],
  ]);
  for (const layer of layers) {
    const inputs = layer.inputs.map((name) => {
      const shape = shapes.get(name);
      if (shape === undefined) throw new Error(`${layer.name} comes before its input ${name}`);
      return shape;
    });
    if (shapes.has(layer.name)) throw new Error(`two layers are called ${layer.name}`);
    const shape = outputShape(layer, inputs);
    if (shape.some((side) => side < 1)) return { layer: layer.name, shape };
    shapes.set(layer.name, shape);
  }
  return shapes;
}

/**
 * The output shapes of all layers that the outputs need, by name, for square images of `imageSize`. A description that contradicts
 * itself is a bug (Error); an image that is too small is FT_MODEL_IMAGE_SIZE, which names the smallest that is not.
 */
export function inferShapes(
  network: Network,
  imageSize: number,
  ...outputs: readonly string[]
): Map<string, Shape> {
  const shapes = shapesOf(network, layersNeeded(network, outputs), imageSize);
  if (shapes instanceof Map) return shapes;
  const smallest = smallestImageSize(network, ...outputs);
  throw new FtctlError('FT_MODEL_IMAGE_SIZE', {
    what: `Images of ${imageSize} x ${imageSize} pixels are too small for this network.`,
    why: `The output of layer ${shapes.layer} would be ${shapes.shape.join(' x ')}; the smallest images that work have ${smallest} x ${smallest} pixels.`,
    details: { imageSize, smallest, layer: shapes.layer },
  });
}

/** Far over what any network needs; a description that refuses images of this size is a bug. */
const maxSmallest = 4096;

/** Without outputs: those that the network's own needs. */
function layersNeeded(network: Network, outputs: readonly string[]): readonly Layer[] {
  return layersUpTo(network, ...(outputs.length === 0 ? [network.output] : outputs));
}

/** The side in pixels of the smallest square images that the outputs can be computed of. */
export function smallestImageSize(network: Network, ...outputs: readonly string[]): number {
  const layers = layersNeeded(network, outputs);
  for (let size = 1; size <= maxSmallest; size++) {
    if (shapesOf(network, layers, size) instanceof Map) return size;
  }
  throw new Error(`images of ${maxSmallest} pixels are too small for ${outputs.join(' and ')}`);
}
