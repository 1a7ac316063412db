import {
  imagesName,
  type BatchNormLayer,
  type Layer,
  type LinearLayer,
  type Pair,
} from '../../../../src/models/network.js';
import { resolveWindow, type Shape } from '../../../../src/models/shapes.js';
import { numElements } from '../../../../src/models/tensor-specs.js';
import { convReference } from './conv-cases.js';

/** The rows of one shard, and how they are computed. */
export interface ShardRows {
  readonly rows: number;
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly tensors: ReadonlyMap<string, Float64Array>;
  /** Of the dropout layers that drop, [B, ...shape]. */
  readonly masks: ReadonlyMap<string, Float64Array>;
  /** [B]: whether a row counts. */
  readonly counts: readonly boolean[];
  readonly isTraining: boolean;
  /** Batch norms that normalise by their shard in training. */
  readonly byShard: ReadonlySet<string>;
}

type Images = Float64Array;

/** Each window of each channel of each row: `reduce` of what of it is in the image. */
function pooled(
  x: Images,
  inputShape: Shape,
  windows: (axis: 0 | 1) => readonly (readonly number[])[],
  reduce: (values: number[]) => number,
): Images {
  const [, height, width] = inputShape as readonly [number, number, number];
  const [vertical, horizontal] = [windows(0), windows(1)];
  const result: number[] = [];
  for (let start = 0; start < x.length; start += height * width) {
    for (const ys of vertical) {
      for (const zs of horizontal) {
        result.push(reduce(ys.flatMap((y) => zs.map((z) => x[start + y * width + z]!))));
      }
    }
  }
  return Float64Array.from(result);
}

const meanOf = (values: readonly number[], count = values.length): number =>
  values.reduce((sum, value) => sum + value, 0) / count;

/** Places in the image of each of a sliding window's positions along an axis. */
function slidingWindows(
  layer: Extract<Layer, { kind: 'maxPool' | 'avgPool' }>,
  shape: Shape,
): (axis: 0 | 1) => number[][] {
  const size = [shape[1]!, shape[2]!] as const;
  const { outputSize, padding } = resolveWindow(size, layer);
  const dilation: Pair = layer.kind === 'maxPool' ? layer.dilation : [1, 1];
  return (axis) =>
    Array.from({ length: outputSize[axis] }, (_, o) => {
      const start = o * layer.stride[axis] - (axis === 0 ? padding.top : padding.left);
      const places = Array.from(
        { length: layer.kernel[axis] },
        (__, k) => start + k * dilation[axis],
      );
      return places.filter((place) => place >= 0 && place < size[axis]);
    });
}

const adaptiveWindows = (size: Pair, outputSize: Pair) => (axis: 0 | 1) =>
  Array.from({ length: outputSize[axis] }, (_, o) => {
    const start = Math.floor((o * size[axis]) / outputSize[axis]);
    const end = Math.ceil(((o + 1) * size[axis]) / outputSize[axis]);
    return Array.from({ length: end - start }, (__, k) => start + k);
  });

function batchNorm(layer: BatchNormLayer, x: Images, shape: Shape, shard: ShardRows): Images {
  const { channels: C, epsilon, name } = layer;
  const P = numElements(shape) / C;
  const of = (suffix: string): Float64Array => shard.tensors.get(`${name}.${suffix}`)!;
  const usesShard = shard.isTraining && shard.byShard.has(name);
  const result = new Float64Array(x.length);
  for (let c = 0; c < C; c++) {
    const places = Array.from(x, (_, i) => i).filter((i) => Math.floor(i / P) % C === c);
    const counted = places.filter((i) => shard.counts[Math.floor(i / (C * P))]).map((i) => x[i]!);
    const mean = usesShard ? meanOf(counted, Math.max(counted.length, 1)) : of('running_mean')[c]!;
    const squares = counted.map((value) => (value - mean) ** 2);
    const variance = usesShard
      ? meanOf(squares, Math.max(squares.length, 1))
      : of('running_var')[c]!;
    const scale = of('weight')[c]! / Math.sqrt(variance + epsilon);
    for (const i of places) result[i] = (x[i]! - mean) * scale + of('bias')[c]!;
  }
  return result;
}

function linear(layer: LinearLayer, x: Images, { tensors, rows }: ShardRows): Images {
  const { inFeatures: F, outFeatures: K, name } = layer;
  const weight = tensors.get(`${name}.weight`)!;
  const bias = tensors.get(`${name}.bias`);
  return Float64Array.from({ length: rows * K }, (_, at) => {
    const [row, k] = [Math.floor(at / K), at % K];
    let sum = bias?.[k] ?? 0;
    for (let f = 0; f < F; f++) sum += x[row * F + f]! * weight[k * F + f]!;
    return sum;
  });
}

function layerOutput(layer: Layer, inputs: readonly Images[], shard: ShardRows): Images {
  const { rows, shapes, tensors, masks } = shard;
  const x = inputs[0]!;
  const inputShape = shapes.get(layer.inputs[0]!)!;
  const numChannels = inputShape[0]!;
  switch (layer.kind) {
    case 'conv2d': {
      const suffixes = ['weight', 'bias'].filter((suffix) =>
        tensors.has(`${layer.name}.${suffix}`),
      );
      const own = new Map(
        suffixes.map((suffix) => [suffix, tensors.get(`${layer.name}.${suffix}`)!]),
      );
      return convReference({
        ...{ layer, rows, inputs, inputShapes: [inputShape], tensors: own },
        outputShape: shapes.get(layer.name)!,
        ...{ rowMask: new Float64Array(), dropoutMask: new Float64Array() },
        ...{ batchNorm: 'frozen', isTraining: shard.isTraining },
      }).output;
    }
    case 'batchNorm':
      return batchNorm(layer, x, inputShape, shard);
    case 'linear':
      return linear(layer, x, shard);
    case 'maxPool':
      return pooled(x, inputShape, slidingWindows(layer, inputShape), (v) => Math.max(...v));
    case 'avgPool': {
      const area = layer.countIncludePad ? layer.kernel[0] * layer.kernel[1] : undefined;
      return pooled(x, inputShape, slidingWindows(layer, inputShape), (v) => meanOf(v, area));
    }
    case 'adaptiveAvgPool': {
      const size = [inputShape[1]!, inputShape[2]!] as const;
      return pooled(x, inputShape, adaptiveWindows(size, layer.outputSize), (v) => meanOf(v));
    }
    case 'affine': {
      const each = numElements(inputShape) / numChannels;
      const channel = (i: number) => Math.floor(i / each) % numChannels;
      return x.map((value, i) => value * layer.scale[channel(i)]! + layer.shift[channel(i)]!);
    }
    case 'relu':
      return x.map((value) => Math.max(value, 0));
    case 'relu6':
      return x.map((value) => Math.min(Math.max(value, 0), 6));
    case 'dropout': {
      const mask = masks.get(layer.name);
      return mask === undefined ? x : x.map((value, i) => value * mask[i]!);
    }
    case 'add':
      return x.map((value, i) => value + inputs[1]![i]!);
    case 'flatten':
      return x;
    case 'concat':
      return Float64Array.from(
        Array.from({ length: rows }, (_, row) =>
          inputs.map((values) => {
            const width = values.length / rows;
            return [...values.subarray(row * width, (row + 1) * width)];
          }),
        ).flat(2),
      );
  }
}

/** The outputs of the layers on one shard's images [B, ...], by name; plainly and in float64. */
export function float64Outputs(
  layers: readonly Layer[],
  images: Images,
  shard: ShardRows,
): Map<string, Images> {
  const values = new Map([[imagesName, images]]);
  for (const layer of layers) {
    const inputs = layer.inputs.map((name) => values.get(name)!);
    values.set(layer.name, layerOutput(layer, inputs, shard));
  }
  return values;
}

/** -sum q log softmax(z) over the rows of a shard. */
export function float64CrossEntropy(logits: Images, targets: Images, numClasses: number): number {
  let loss = 0;
  for (let start = 0; start < logits.length; start += numClasses) {
    const row = logits.subarray(start, start + numClasses);
    const top = Math.max(...row);
    const logSum = top + Math.log(row.reduce((sum, z) => sum + Math.exp(z - top), 0));
    row.forEach((z, k) => {
      loss -= targets[start + k]! * (z - logSum);
    });
  }
  return loss;
}
