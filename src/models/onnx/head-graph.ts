import { stepVectorLength } from '../../collective/step-vector.js';
import { headLayout } from '../head.js';
import type { HeadDescription } from '../prepared-model.js';
import { GraphBuilder } from './graph-builder.js';
import { headLayers } from './head-layers.js';

/**
 * The training graph of a classifier: forward, cross-entropy against targets, and its gradient, for S shards of B rows at once; the
 * classifier itself is in head-layers.ts. Legend: S shards, B rows of a shard, F features, K classes, P parameters, q targets.
 *
 *   loss_s = -sum_bk q_sbk log p_sbk      dlogits = p * sum_k q_k - q, p = softmax(logits)
 *
 * A shard's results must have the same bits in any batch. So nothing is summed across shards; every sum of more than one rounding
 * is a matrix product of a shape that one shard alone fixes (the order in which onnxruntime's ReduceSum adds depends on
 * memory alignment); softmax works row by row. The two products over all rows, the logits and the sums of the targets, need at least
 * two rows in all (with a single one onnxruntime takes another kernel): callers pad B to {@link minGraphRows}.
 */

/** See above; rows added to reach it are padding. */
export const minGraphRows = 2;

export const headGraphValues = {
  features: 'features_SBF',
  targets: 'targets_SBK',
  labels: 'labels_SB',
  /** [S]: what becomes a part of the step vector as it is. */
  weights: 'weights_S',
  counts: 'counts_S',
  weight: 'weight',
  bias: 'bias_K',
  losses: 'losses_S',
  correct: 'correct_S',
  /** [S, P + 4]: gradient, loss, weight, right answers, rows. */
  vectors: 'vectors_SV',
} as const;

/** The bytes of the graph for a gradient or an evaluation, for a fixed number of rows per shard and any number of shards. */
export function headGraph(
  head: HeadDescription,
  rowsPerShard: number,
  pass: 'gradient' | 'evaluation',
): Uint8Array {
  if (rowsPerShard < minGraphRows) throw new Error(`${rowsPerShard} rows per shard`);
  const { numFeatures: F, numClasses: K } = head;
  const B = rowsPerShard;
  const names = headGraphValues;
  const layout = headLayout(head);
  const graph = new GraphBuilder(`head_${pass}`);
  graph.input(names.features, 'float', ['S', B, F]);
  graph.input(names.targets, 'float', ['S', B, K]);
  graph.input(names.labels, 'int32', ['S', B]);
  const shapeOf = (wanted: string) => layout.entries.find(({ name }) => name === wanted)!.shape;
  graph.input(names.weight, 'float', shapeOf(head.weightName));
  graph.input(names.bias, 'float', shapeOf(head.biasName));
  const reshape = (output: string, input: string, shape: readonly number[]) =>
    graph.node('Reshape', output, [input, graph.integers(`${output}.shape`, shape)]);

  const { logits, backward } = headLayers(graph, head, rowsPerShard, names);
  const logProbabilities = graph.node('LogSoftmax', 'log_probabilities_SBK', [logits], { axis: 2 });
  const products = graph.node('MatMul', 'products_S11', [
    reshape('targets_S1R', names.targets, [-1, 1, B * K]),
    reshape('log_probabilities_SR1', logProbabilities, [-1, B * K, 1]),
  ]);
  const losses = graph.node('Neg', 'losses_S11', [products]);

  // Counts are exact in float32, in any order.
  const predicted = graph.node('ArgMax', 'predicted_SB', [logits], {
    axis: 2,
    keepdims: 0,
    select_last_index: 0,
  });
  const labels64 = graph.node('Cast', 'labels64_SB', [names.labels], { to: 7 });
  const hit = graph.node('Equal', 'hit_SB', [predicted, labels64]);
  const hits = graph.node('Cast', 'hits_SB', [hit], { to: 1 });
  const correct = graph.node('ReduceSum', 'correct_S1', [hits, graph.integers('row_axis', [1])]);

  if (pass === 'evaluation') {
    reshape(names.losses, losses, [-1]);
    reshape(names.correct, correct, [-1]);
    graph.output(names.losses, 'float', ['S']);
    graph.output(names.correct, 'float', ['S']);
    return graph.build();
  }

  const probabilities = graph.node('Softmax', 'probabilities_SBK', [logits], { axis: 2 });
  const ones = graph.constant('ones_K1', [K, 1], new Float32Array(K).fill(1));
  const sums = graph.node('MatMul', 'target_sums_SB1', [names.targets, ones]);
  const expected = graph.node('Mul', 'expected_SBK', [probabilities, sums]);
  const dLogits = graph.node('Sub', 'd_logits_SBK', [expected, names.targets]);
  const { dWeight, dBias } = backward(dLogits);
  const parts = [
    { name: head.weightName, value: reshape('d_weight_flat', dWeight, [-1, layout.length - K]) },
    { name: head.biasName, value: reshape('d_bias_flat', dBias, [-1, K]) },
  ];
  // The flat vector's order is the layout's: by name.
  parts.sort((a, b) => (a.name < b.name ? -1 : 1));
  graph.input(names.weights, 'float', ['S', 1]);
  graph.input(names.counts, 'float', ['S', 1]);
  graph.node(
    'Concat',
    names.vectors,
    [
      ...parts.map(({ value }) => value),
      ...[reshape('losses_S1', losses, [-1, 1]), names.weights, correct, names.counts],
    ],
    { axis: 1 },
  );
  graph.output(names.vectors, 'float', ['S', stepVectorLength(layout.length, 0)]);
  return graph.build();
}
