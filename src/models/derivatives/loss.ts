import type { GraphBuilder } from '../onnx/graph-builder.js';

/** Legend: S shards, B rows of each, N = S * B, K classes. */
export interface LossSizes {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly numClasses: number;
}

/**
 * Cross-entropy of logits z [N, K] against targets q [N, K], which hold all weights and need not sum to 1 (train/targets.ts), and its
 * gradient:
 *
 *     loss_s = -sum_bk q_sbk log p_sbk      dz = p * sum_k q_k - q      p = softmax(z)
 *
 * Sums are matrix products of one shard's shape (see rule.ts). `name` keeps several losses of a graph apart.
 */
export function crossEntropy(
  graph: GraphBuilder,
  name: string,
  values: { readonly logits: string; readonly targets: string },
  { numShards: S, rowsPerShard: B, numClasses: K }: LossSizes,
): { readonly losses_S11: string; readonly dLogits: () => string } {
  const { logits, targets } = values;
  const of = (suffix: string): string => `${name}/${suffix}`;
  const reshape = (suffix: string, value: string, shape: readonly number[]): string =>
    graph.node('Reshape', of(suffix), [value, graph.integers(of(`${suffix}.shape`), shape)]);
  const logProbabilities = graph.node('LogSoftmax', of('log_probabilities'), [logits], { axis: 1 });
  const products = graph.node('MatMul', of('products_S11'), [
    reshape('targets_S1R', targets, [S, 1, B * K]),
    reshape('log_probabilities_SR1', logProbabilities, [S, B * K, 1]),
  ]);
  return {
    losses_S11: graph.node('Neg', of('losses_S11'), [products]),
    dLogits: () => {
      const probabilities = graph.node('Softmax', of('probabilities'), [logits], { axis: 1 });
      const ones = graph.constant(of('ones_SK1'), [S, K, 1], new Float32Array(S * K).fill(1));
      const sums_SB1 = graph.node('MatMul', of('target_sums_SB1'), [
        reshape('targets_SBK', targets, [S, B, K]),
        ones,
      ]);
      const sums = reshape('target_sums_N1', sums_SB1, [S * B, 1]);
      const expected = graph.node('Mul', of('expected'), [probabilities, sums]);
      return graph.node('Sub', of('d_logits'), [expected, targets]);
    },
  };
}
