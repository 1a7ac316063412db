import type { Pair } from '../network.js';
import type { GraphBuilder } from './graph-builder.js';

/**
 * PyTorch's adaptive average pooling: output i of n is the mean of the inputs from floor(i * size / n) to ceil((i + 1) * size / n).
 * Where n does not divide the size the windows overlap and differ in length, and where it is larger they repeat inputs: no ONNX
 * operator does that, but the mean over each axis is a product with a constant matrix.
 */

/** The matrix [n, size] whose row i has 1 / length in window i. */
export function averagingMatrix(size: number, n: number): Float32Array {
  const matrix = new Float32Array(n * size);
  for (let i = 0; i < n; i++) {
    const start = Math.floor((i * size) / n);
    const end = Math.ceil(((i + 1) * size) / n);
    matrix.fill(1 / (end - start), i * size + start, i * size + end);
  }
  return matrix;
}

/** [N, C, ...size] -> [N, C, ...outputSize], as the value `value`. */
export function lowerAdaptiveAvgPool(
  graph: GraphBuilder,
  value: string,
  input: string,
  size: Pair,
  outputSize: Pair,
): string {
  const [height, width] = size;
  const [rows, columns] = outputSize;
  if (rows === 1 && columns === 1) return graph.node('GlobalAveragePool', value, [input]);
  if (height % rows === 0 && width % columns === 0) {
    const window = [height / rows, width / columns];
    return graph.node('AveragePool', value, [input], { kernel_shape: window, strides: window });
  }
  // rows x height times height x width, for each image and channel; then the same from the other side, transposed.
  const vertical = averagingMatrix(height, rows);
  const horizontal = averagingMatrix(width, columns);
  const left = graph.constant(`${value}.vertical`, [rows, height], vertical);
  const right = graph.constant(
    `${value}.horizontal`,
    [width, columns],
    transposed(horizontal, columns),
  );
  const averaged = graph.node('MatMul', `${value}.rows`, [left, input]);
  return graph.node('MatMul', value, [averaged, right]);
}

/** [rows, n] -> [n, rows]. */
function transposed(matrix: Float32Array, rows: number): Float32Array {
  const n = matrix.length / rows;
  return Float32Array.from(matrix, (_, i) => matrix[(i % rows) * n + Math.floor(i / rows)]!);
}
