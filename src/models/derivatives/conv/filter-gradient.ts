import { areSummed, productsOfShards } from '../products.js';
import { tapsOf, type ConvGeometry } from './geometry.js';
import type { ConvOperands } from './lowered-conv.js';

/**
 * The gradient of a convolution's weight, for each shard: each tap's is the product of the errors and of what the tap read,
 * summed over the pixels of the shard's rows,
 *
 *   dW_s[k, c, t] = sum_r g_s[k, r] x_s[c, r + t],   r over R = B * P.
 *
 * Three ways to the same.
 *
 * Legend: see lowered-conv.ts.
 */
export type FilterGradientLowering =
  /** One product with all that all taps read (im2col), side by side. */
  | 'unfolded'
  /** A product for each tap: nothing is copied to one place before, but the results are, after. */
  | 'taps'
  /** A convolution of the input with the errors as kernels, rows as channels and channels as rows; a group for each shard. */
  | 'correlation';

/** 'correlation' has no image left where the windows read nothing but padding. */
export function canTakeFilterGradient(
  { inputSize, pads, surplus }: ConvGeometry,
  lowering: FilterGradientLowering,
): boolean {
  const isRead = [0, 1].every(
    (axis) => inputSize[axis]! + Math.min(pads[axis + 2]! - surplus[axis]!, 0) > 0,
  );
  return lowering !== 'correlation' || isRead;
}

/** errors: [S, K, R]. The result is [S, K * C / G * T] in some shape; or the sum over the shards. */
export function filterGradient(
  operands: ConvOperands,
  errors_SKR: string,
  lowering: FilterGradientLowering,
): string {
  switch (lowering) {
    case 'unfolded':
      return unfolded(operands, errors_SKR);
    case 'taps':
      return ofEachTap(operands, errors_SKR);
    case 'correlation':
      return correlation(operands, errors_SKR);
  }
}

/** What each tap reads at each output pixel: [S * C, R] each. */
function readsOfTaps({ nodes, geometry, input }: ConvOperands): string[] {
  const { numShards: S, rowsPerShard: B, inChannels: C, numPixels: P } = geometry;
  const { inputSize, outputSize, stride, dilation, pads } = geometry;
  const image = [S, B, C, ...inputSize];
  const byRow = nodes.reshape('image_SBC', input, image);
  const byChannel =
    B === 1
      ? nodes.reshape('image_SCB', byRow, [S, C, B, ...inputSize])
      : nodes.transpose('image_SCB', byRow, [0, 2, 1, 3, 4]);
  const [top, left, bottom, right] = pads;
  const padded = nodes.pad('padded', byChannel, [0, 0, 0, top, left], [0, 0, 0, bottom, right]);
  return tapsOf(geometry).map((tap, t) => {
    const starts = tap.map((place, axis) => place * dilation[axis]!);
    const ends = starts.map((start, axis) => start + (outputSize[axis]! - 1) * stride[axis]! + 1);
    const reads = nodes.slice(`reads.${t}`, padded, { axes: [3, 4], starts, ends, steps: stride });
    return nodes.reshape(`reads_R.${t}`, reads, [S * C, B * P]);
  });
}

/** [S * G, K / G, R] */
function errorsByGroup({ nodes, geometry }: ConvOperands, errors_SKR: string): string {
  const { numShards: S, rowsPerShard: B, outChannels: K, groups: G, numPixels: P } = geometry;
  return G === 1 ? errors_SKR : nodes.reshape('errors_SGKR', errors_SKR, [S * G, K / G, B * P]);
}

function unfolded(operands: ConvOperands, errors_SKR: string): string {
  const { nodes, geometry, sumsShards } = operands;
  const { numShards: S, rowsPerShard: B, inChannels: C, outChannels: K } = geometry;
  const { groups: G, numPixels: P, numTaps: T } = geometry;
  const R = B * P;
  const reads = readsOfTaps(operands);
  const each = reads.map((value, t) => nodes.reshape(`reads_1R.${t}`, value, [S * C, 1, R]));
  const all = each.length === 1 ? each[0]! : nodes.concat('reads_TR', each, 1);
  const unfolded_SGCTR = nodes.reshape('unfolded', all, [S * G, (C / G) * T, R]);
  if (K === G && (C / G) * T > 1 && P > 1) {
    // Depthwise: the errors as a column. No transposition is near whose place could change the kernel (products.ts).
    const column = nodes.reshape('errors_column', errors_SKR, [S * G, R, 1]);
    return nodes.node('MatMul', 'd_weight', [unfolded_SGCTR, column]);
  }
  const columns = nodes.transpose('unfolded_columns', unfolded_SGCTR, [0, 2, 1]);
  const factors = [errorsByGroup(operands, errors_SKR), columns] as const;
  return productsOfShards(nodes, 'd_weight', factors, {
    ...{ rows: K / G, columns: (C / G) * T, numShards: S, perShard: G, sumsShards },
  });
}

function ofEachTap(operands: ConvOperands, errors_SKR: string): string {
  const { nodes, geometry, sumsShards } = operands;
  const { numShards: S, rowsPerShard: B, inChannels: C, outChannels: K } = geometry;
  const { groups: G, numPixels: P } = geometry;
  const errors = errorsByGroup(operands, errors_SKR);
  const [rows, columns] = [K / G, C / G];
  const sizes = { rows, columns, numShards: S, perShard: G, sumsShards };
  const numProducts = areSummed(sizes) ? G : S * G;
  const ofTaps = readsOfTaps(operands).map((value, t) => {
    const byGroup = nodes.reshape(`reads_SGCR.${t}`, value, [S * G, C / G, B * P]);
    const transposed = nodes.transpose(`columns.${t}`, byGroup, [0, 2, 1]);
    const product = productsOfShards(nodes, `d_tap.${t}`, [errors, transposed], sizes);
    return nodes.reshape(`d_tap_1KC.${t}`, product, [numProducts, 1, rows * columns]);
  });
  const byTap = nodes.concat('d_weight_TKC', ofTaps, 1);
  return nodes.transpose('d_weight', byTap, [0, 2, 1]);
}

function correlation({ nodes, geometry, input }: ConvOperands, errors_SKR: string): string {
  const { numShards: S, rowsPerShard: B, inChannels: C, outChannels: K, groups: G } = geometry;
  const { inputSize, outputSize, stride, dilation, pads, surplus, kernel } = geometry;
  const [height, width] = inputSize;
  const byGroup = nodes.reshape('image_SBGC', input, [S, B, G, C / G, height * width]);
  const byChannel = nodes.transpose('image_CSGB', byGroup, [3, 0, 2, 1, 4]);
  const image = nodes.reshape('image_channels', byChannel, [C / G, S * G * B, height, width]);
  // What no window reaches is cut off: of the padding, then of the image.
  const [top, left, bottom, right] = pads;
  const below = bottom - surplus[0];
  const beside = right - surplus[1];
  const read = nodes.slice('image_read', image, {
    axes: [2, 3],
    starts: [0, 0],
    ends: [height + Math.min(below, 0), width + Math.min(beside, 0)],
  });
  const errors = nodes.reshape('error_kernels', errors_SKR, [S * K, B, ...outputSize]);
  const result = nodes.node(
    'Conv',
    'd_weight_CSK',
    [below < 0 || beside < 0 ? read : image, errors],
    {
      kernel_shape: outputSize,
      strides: dilation,
      dilations: stride,
      pads: [top, left, Math.max(below, 0), Math.max(beside, 0)],
      group: S * G,
    },
  );
  const flat = nodes.reshape('d_weight_CSKT', result, [C / G, S * K, kernel[0] * kernel[1]]);
  return nodes.transpose('d_weight', flat, [1, 0, 2]);
}
