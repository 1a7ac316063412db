import type { LayerNodes } from '../layer-nodes.js';
import { sumsOfRows } from '../products.js';
import type { ConvGeometry } from './geometry.js';

/**
 * What the lowerings of a convolution have in common.
 *
 * Legend: S shards, B rows of a shard, N = S * B, C input and K output channels, G groups, T taps of the kernel, P pixels of the
 * output, R = B * P.
 */
export interface ConvOperands {
  readonly nodes: LayerNodes;
  readonly geometry: ConvGeometry;
  /** [N, C, H, W] */
  readonly input: string;
  /** [K, C / G, kernel] */
  readonly weight: string;
  /** [K] */
  readonly bias: string | undefined;
  /** Whether the weight's gradient may be the sum over the shards (rule.ts). */
  readonly sumsShards: boolean;
}

/** Which gradients a backward part is to give. */
export interface WantedGradients {
  readonly input: boolean;
  readonly weight: boolean;
  readonly bias: boolean;
}

export interface ConvGradients {
  /** [N, C, H, W] */
  readonly input: string | undefined;
  /** [S, K * C / G * T] in any shape; or the sum over the shards. */
  readonly weight: string | undefined;
  /** [S, K] in any shape. */
  readonly bias: string | undefined;
}

export interface LoweredConv {
  /** [N, K, OH, OW] */
  readonly output: string;
  /** dOutput: [N, K, OH, OW] */
  readonly backward: (dOutput: string, wanted: WantedGradients) => ConvGradients;
}

/** The gradient of the output with the rows of each shard side by side: [N, K, OH, OW] -> [S, K, R]. */
export function errorsByShard({ nodes, geometry }: ConvOperands, dOutput: string): string {
  const { numShards: S, rowsPerShard: B, outChannels: K, numPixels: P } = geometry;
  if (B === 1) return nodes.reshape('errors_SKR', dOutput, [S, K, P]);
  const errors_SBKP = nodes.reshape('errors_SBKP', dOutput, [S, B, K, P]);
  const errors_SKBP = nodes.transpose('errors_SKBP', errors_SBKP, [0, 2, 1, 3]);
  return nodes.reshape('errors_SKR', errors_SKBP, [S, K, B * P]);
}

/** A bias adds to every pixel: its gradient is the sum of the errors. [S, R, K] -> [S, 1, K]. */
export function biasGradient({ nodes, geometry }: ConvOperands, errors_SRK: string): string {
  const { rowsPerShard: B, numPixels: P, outChannels: K } = geometry;
  return sumsOfRows(nodes, 'd_bias_S1K', errors_SRK, { numRows: B * P, columns: K });
}
