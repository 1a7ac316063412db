import type { Layer, Pair } from '../network.js';
import { averagingMatrix, lowerAdaptiveAvgPool } from '../onnx/adaptive-avg-pool.js';
import { sizeOf } from '../shapes.js';
import { numElements } from '../tensor-specs.js';
import { transposed } from './conv/placement.js';
import { spreadEvenly } from './even-windows.js';
import { LayerNodes } from './layer-nodes.js';
import { products } from './products.js';
import type { Rule } from './rule.js';

type AdaptiveAvgPool = Extract<Layer, { kind: 'adaptiveAvgPool' }>;

/**
 * y = A x for each image, pixels flat: row o of A has 1 / count in the pixels of window o (onnx/adaptive-avg-pool.ts). dx = A^T dy.
 * Where the windows divide the image evenly, they repeat their share.
 */
export const adaptiveAvgPoolRule: Rule<AdaptiveAvgPool> = (context, [input]) => {
  const { graph, layer, inputShapes, numShards: S, rowsPerShard: B } = context;
  const { outputSize } = layer;
  const nodes = new LayerNodes(context);
  const C = inputShapes[0]![0]!;
  const size = sizeOf(inputShapes[0]!);
  const N = S * B;
  const isEven = size[0] % outputSize[0] === 0 && size[1] % outputSize[1] === 0;
  if (isEven) {
    const window = [size[0] / outputSize[0], size[1] / outputSize[1]] as const;
    return {
      output: lowerAdaptiveAvgPool(graph, context.name('output'), input!, size, outputSize),
      backward: (dOutput) => {
        const images = spreadEvenly(nodes, dOutput, { numImages: N * C, outputSize, window });
        const dInput = nodes.reshape('d_input', images, [N, C, ...size]);
        return { inputs: [dInput], tensors: new Map() };
      },
    };
  }
  const numPixels = numElements(size);
  const numOutputs = numElements(outputSize);
  const averages = flatAverages(size, outputSize);
  /** Images times a matrix, flat: [N, C, ...] to [N, C, ...after]. */
  const timesMatrix = (
    suffix: string,
    value: string,
    matrix: string,
    before: Pair,
    after: Pair,
  ) => {
    const flat = nodes.reshape(`${suffix}.flat`, value, [S, B * C, numElements(before)]);
    const shape = { rows: B * C, columns: numElements(after) };
    const product = products(nodes, `${suffix}.product`, [flat, matrix], shape);
    return nodes.reshape(suffix, product, [N, C, ...after]);
  };
  const averagesOf = nodes.constant(
    'averages',
    [1, numPixels, numOutputs],
    transposed(averages, numOutputs, numPixels),
  );
  return {
    output: timesMatrix('output', input!, averagesOf, size, outputSize),
    backward: (dOutput) => {
      const shares = nodes.constant('shares', [1, numOutputs, numPixels], averages);
      const dInput = timesMatrix('d_input', dOutput, shares, outputSize, size);
      return { inputs: [dInput], tensors: new Map() };
    },
  };
};

/** A of [rows of windows * columns of windows, height * width], from the averages over each axis. */
function flatAverages(size: Pair, outputSize: Pair): Float32Array {
  const [height, width] = size;
  const [rows, columns] = outputSize;
  const vertical = averagingMatrix(height, rows);
  const horizontal = averagingMatrix(width, columns);
  return Float32Array.from({ length: rows * columns * height * width }, (_, at) => {
    const pixel = at % (height * width);
    const window = Math.floor(at / (height * width));
    const row = Math.floor(window / columns) * height + Math.floor(pixel / width);
    return vertical[row]! * horizontal[(window % columns) * width + (pixel % width)]!;
  });
}
