import { productsOfShards } from '../products.js';
import type { ConvGeometry } from './geometry.js';
import { biasGradient, type ConvOperands, type LoweredConv } from './lowered-conv.js';
import { canBePlaced, placement, transposed } from './placement.js';

/**
 * A convolution as matrix products over all pixels of all rows, for small images: what onnxruntime's Conv does image by image
 * is too narrow a product there. Each window is unfolded to a row of what its taps read (im2col), which the gradient of the weight
 * reads too; no product needs the weight in another order than its own.
 *
 *   y = U W^T + b,  U = unfold(x)        dx = fold(g W)        dW_s = g_s^T U_s
 *
 * Unfolding and its transpose, folding, are products with the constant {@link placement}. Chellapilla, Puri and Simard, "High
 * performance convolutional neural networks for document processing", 2006.
 *
 * Legend: see lowered-conv.ts; Q = H * W.
 */
export function lowerAsRows(operands: ConvOperands): LoweredConv {
  const { nodes, geometry, input, weight, bias, sumsShards } = operands;
  const { numShards: S, rowsPerShard: B, numRows: N, numPixels: P } = geometry;
  const { inChannels: C, outChannels: K, numTaps: T, numInputPixels: Q } = geometry;
  const [outHeight, outWidth] = geometry.outputSize;
  const readsEachPixelOnce = T === 1 && P === Q;
  const matrix = readsEachPixelOnce ? undefined : placement(geometry);

  const unfold = (): string => {
    const pixels = nodes.reshape('pixels_NCQ', input, [N, C, Q]);
    if (matrix === undefined) return nodes.transpose('windows_NPC', pixels, [0, 2, 1]);
    const places = nodes.constant('placement_QPT', [Q, P * T], matrix);
    const taps = nodes.node('MatMul', 'taps_NCPT', [pixels, places]);
    const windows = nodes.reshape('windows_NCPT', taps, [N, C, P, T]);
    return nodes.transpose('windows_NPCT', windows, [0, 2, 1, 3]);
  };
  const fold = (windows: string): string => {
    if (matrix === undefined) {
      const pixels = nodes.reshape('d_windows_NPC', windows, [N, P, C]);
      return nodes.transpose('d_pixels_NCP', pixels, [0, 2, 1]);
    }
    const each = nodes.reshape('d_windows_NPCT', windows, [N, P, C, T]);
    const ofChannels = nodes.transpose('d_windows_NCPT', each, [0, 2, 1, 3]);
    const taps = nodes.reshape('d_taps_NCPT', ofChannels, [N, C, P * T]);
    const places = nodes.constant('placement_PTQ', [P * T, Q], transposed(matrix, Q, P * T));
    return nodes.node('MatMul', 'd_pixels_NCQ', [taps, places]);
  };

  const windows = unfold();
  const unfolded = nodes.reshape('unfolded', windows, [N * P, C * T]);
  const filters = nodes.reshape('filters', weight, [K, C * T]);
  const products = nodes.node(
    'Gemm',
    'output_rows',
    bias === undefined ? [unfolded, filters] : [unfolded, filters, bias],
    { transB: 1 },
  );
  const output_NPK = nodes.reshape('output_NPK', products, [N, P, K]);
  const output_NKP = nodes.transpose('output_NKP', output_NPK, [0, 2, 1]);
  return {
    output: nodes.reshape('output', output_NKP, [N, K, outHeight, outWidth]),
    backward: (dOutput, wanted) => {
      const errors_NKP = nodes.reshape('errors_NKP', dOutput, [N, K, P]);
      const errors_NPK = nodes.transpose('errors_NPK', errors_NKP, [0, 2, 1]);
      const errors_SRK = nodes.reshape('errors_SRK', errors_NPK, [S, B * P, K]);
      const inputGradient = (): string => {
        const rows = nodes.reshape('error_rows', errors_NPK, [N * P, K]);
        const dWindows = nodes.node('Gemm', 'd_windows', [rows, filters]);
        return nodes.reshape('d_input', fold(dWindows), [N, C, ...geometry.inputSize]);
      };
      const weightGradient = (): string => {
        const errors_SKR = nodes.transpose('errors_SKR', errors_SRK, [0, 2, 1]);
        const unfolded_SRCT = nodes.reshape('unfolded_SR', windows, [S, B * P, C * T]);
        return productsOfShards(nodes, 'd_weight', [errors_SKR, unfolded_SRCT], {
          ...{ rows: K, columns: C * T, numShards: S, perShard: 1, sumsShards },
        });
      };
      return {
        input: wanted.input ? inputGradient() : undefined,
        weight: wanted.weight ? weightGradient() : undefined,
        bias: wanted.bias ? biasGradient(operands, errors_SRK) : undefined,
      };
    },
  };
}

/**
 * Whether the matrices are small enough, and the products over all rows have the same bits for any number of shards: onnxruntime
 * computes those of a single row, or with a single column, otherwise.
 */
export function canLowerAsRows(geometry: ConvGeometry): boolean {
  const { groups, rowsPerShard: B, inChannels: C, outChannels: K } = geometry;
  const { numInputPixels: Q, numPixels: P, numTaps: T } = geometry;
  const sides = [B * P, B * C, C * T, K];
  // An image of a single pixel is copied, not summed.
  const isFolded = Q > 1 || P === 1;
  return groups === 1 && isFolded && sides.every((side) => side > 1) && canBePlaced(geometry);
}
