import type { ConvPoolHead, HeadDescription, LinearHead } from '../prepared-model.js';
import type { GraphBuilder } from './graph-builder.js';

/**
 * The classifiers that can be trained, as parts of the training graph (head-graph.ts, which says what keeps the bits of a
 * shard). Legend: S shards, B rows of a shard, N = S * B rows, F features of a row, K classes, C channels, P = H * W pixels.
 *
 *   linear     logits = x W^T + b                     dW_s = dlogits_s^T x_s,  db_s = sum_b dlogits_sb
 *   convPool   z_p = x_p W^T + b, for each pixel      dz_p = dlogits / P where z_p > 0, else 0
 *              logits = sum_p relu(z_p) / P           dW_s = sum_bp dz_bp^T x_bp,  db_s = sum_bp dz_bp
 *
 * A 1x1 convolution is a linear layer on pixels, so that the two share the last products: those over the R rows, or pixels, of
 * a shard.
 */
export interface HeadLayers {
  /** [S, B, K] */
  readonly logits: string;
  /** Adds the gradient's part, of the gradient of the logits [S, B, K]: of the weight [S, K, F or C], of the bias [S, K, 1]. */
  readonly backward: (dLogits: string) => { readonly dWeight: string; readonly dBias: string };
}

interface Inputs {
  readonly features: string;
  readonly weight: string;
  readonly bias: string;
}

export function headLayers(
  graph: GraphBuilder,
  head: HeadDescription,
  rowsPerShard: number,
  inputs: Inputs,
): HeadLayers {
  return head.kind === 'linear'
    ? linearLayers(graph, head, rowsPerShard, inputs)
    : convPoolLayers(graph, head, rowsPerShard, inputs);
}

function linearLayers(
  graph: GraphBuilder,
  { numFeatures: F, numClasses: K }: LinearHead,
  B: number,
  { features, weight, bias }: Inputs,
): HeadLayers {
  const rows = reshape(graph, 'rows', features, [-1, F]);
  // GEMM takes W as it lies in memory: x W^T.
  const logitsRows = graph.node('Gemm', 'logits_rows', [rows, weight, bias], { transB: 1 });
  return {
    logits: reshape(graph, 'logits_SBK', logitsRows, [-1, B, K]),
    backward: (dLogits) => {
      const errors = graph.node('Transpose', 'd_logits_SKB', [dLogits], { perm: [0, 2, 1] });
      return rowProducts(graph, errors, features, B);
    },
  };
}

function convPoolLayers(
  graph: GraphBuilder,
  { channels: C, height, width, numClasses: K }: ConvPoolHead,
  B: number,
  { features, weight, bias }: Inputs,
): HeadLayers {
  const P = height * width;
  const image = reshape(graph, 'image_NCP', features, [-1, C, P]);
  const pixels = graph.node('Transpose', 'pixels_NPC', [image], { perm: [0, 2, 1] });
  const rows = reshape(graph, 'pixel_rows', pixels, [-1, C]);
  const weight_KC = reshape(graph, 'weight_KC', weight, [K, C]);
  const scores = graph.node('Gemm', 'scores_rows', [rows, weight_KC, bias], { transB: 1 });
  const active = reshape(graph, 'active_NPK', graph.node('Relu', 'active_rows', [scores]), [
    -1,
    P,
    K,
  ]);
  const onesRow = graph.constant('ones_1P', [1, P], new Float32Array(P).fill(1));
  const sums = graph.node('MatMul', 'sums_N1K', [onesRow, active]);
  const numPixels = graph.floats('num_pixels', [], [P]);
  const means = graph.node('Div', 'means_N1K', [sums, numPixels]);
  return {
    logits: reshape(graph, 'logits_SBK', means, [-1, B, K]),
    backward: (dLogits) => {
      const shares = graph.node('Div', 'shares_SBK', [dLogits, numPixels]);
      const none = graph.floats('no_error', [], [0]);
      const isActive = graph.node('Greater', 'is_active_NPK', [active, none]);
      const each = reshape(graph, 'shares_N1K', shares, [-1, 1, K]);
      const dScores = graph.node('Where', 'd_scores_NPK', [isActive, each, none]);
      const ofShards = reshape(graph, 'd_scores_SRK', dScores, [-1, B * P, K]);
      const errors = graph.node('Transpose', 'd_scores_SKR', [ofShards], { perm: [0, 2, 1] });
      return rowProducts(graph, errors, reshape(graph, 'pixels_SRC', rows, [-1, B * P, C]), B * P);
    },
  };
}

/** The products over the R rows of each shard: of errors [S, K, R] and what they are of [S, R, columns], and their sums. */
function rowProducts(graph: GraphBuilder, errors: string, rows: string, R: number) {
  const ones = graph.constant('ones_R1', [R, 1], new Float32Array(R).fill(1));
  return {
    dWeight: graph.node('MatMul', 'd_weight', [errors, rows]),
    dBias: graph.node('MatMul', 'd_bias_SK1', [errors, ones]),
  };
}

function reshape(graph: GraphBuilder, output: string, input: string, shape: readonly number[]) {
  return graph.node('Reshape', output, [input, graph.integers(`${output}.shape`, shape)]);
}
