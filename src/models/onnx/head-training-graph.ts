import { headLayout } from '../head.js';
import type { HeadDescription } from '../prepared-model.js';
import { GraphBuilder } from './graph-builder.js';
import { headLayers } from './head-layers.js';

/**
 * The training graph of a classifier: forward, weighted cross-entropy, and its gradient, for S shards of B rows at once; the
 * classifier itself is in head-layers.ts. Legend: S shards, B rows of a shard, F features, K classes, P parameters.
 *
 *   loss_s = sum_b w_sb * (logsumexp(logits) - logits[label])      dlogits = (softmax(logits) - onehot) * w
 *
 * A shard's results must have the same bits in any batch. So nothing is summed across shards; every sum of more than one rounding
 * is a matrix product of a shape that one shard alone fixes (the order in which onnxruntime's ReduceSum adds depends on
 * memory alignment); softmax works row by row. The one product over all rows, the logits, needs at least two rows in all (with
 * a single one onnxruntime takes another kernel): callers pad B to {@link minRowsPerShard}.
 */

/** See above; rows added to reach it have weight 0. */
export const minRowsPerShard = 2;

export const headGraphNames = {
  features: 'features_SBF',
  labels: 'labels_SB',
  rowWeights: 'row_weights_SB',
  weight: 'weight',
  bias: 'bias_K',
  losses: 'losses_S',
  correct: 'correct_S',
  gradients: 'gradients_SP',
} as const;

/** The bytes of the graph with (`withGradient`) or without its gradient part, for a fixed number of rows per shard. */
export function headTrainingGraph(
  head: HeadDescription,
  rowsPerShard: number,
  withGradient: boolean,
): Uint8Array {
  if (rowsPerShard < minRowsPerShard) throw new Error(`${rowsPerShard} rows per shard`);
  const { numFeatures: F, numClasses: K } = head;
  const B = rowsPerShard;
  const names = headGraphNames;
  const layout = headLayout(head);
  const graph = new GraphBuilder(withGradient ? 'head_gradient' : 'head_evaluation');
  graph.input(names.features, 'float', ['S', B, F]);
  graph.input(names.labels, 'int32', ['S', B]);
  graph.input(names.rowWeights, 'float', ['S', B]);
  const shapeOf = (wanted: string) => layout.entries.find(({ name }) => name === wanted)!.shape;
  graph.input(names.weight, 'float', shapeOf(head.weightName));
  graph.input(names.bias, 'float', shapeOf(head.biasName));
  const reshape = (output: string, input: string, shape: readonly number[]) =>
    graph.node('Reshape', output, [input, graph.integers(`${output}.shape`, shape)]);

  const { logits, backward } = headLayers(graph, head, rowsPerShard, names);
  const logProbabilities = graph.node('LogSoftmax', 'log_probabilities_SBK', [logits], { axis: 2 });
  const labels = reshape('labels_SB1', names.labels, [-1, B, 1]);
  const picked = graph.node('GatherElements', 'picked_SB1', [logProbabilities, labels], {
    axis: 2,
  });
  const rowLosses = graph.node('Neg', 'row_losses_SB1', [picked]);
  const weightsRow = reshape('row_weights_S1B', names.rowWeights, [-1, 1, B]);
  const losses = graph.node('MatMul', 'losses_S11', [weightsRow, rowLosses]);
  graph.node('Reshape', names.losses, [losses, graph.integers('losses.shape', [-1])]);
  graph.output(names.losses, 'float', ['S']);

  // Correct rows: counts are exact in float32, in any order.
  const predicted = graph.node('ArgMax', 'predicted_SB', [logits], {
    axis: 2,
    keepdims: 0,
    select_last_index: 0,
  });
  const labels64 = graph.node('Cast', 'labels64_SB', [names.labels], { to: 7 });
  const hit = graph.node('Equal', 'hit_SB', [predicted, labels64]);
  const counted = graph.node('Greater', 'counted_SB', [
    names.rowWeights,
    graph.floats('zero', [], [0]),
  ]);
  const countedHit = graph.node('And', 'counted_hit_SB', [hit, counted]);
  const ones = graph.node('Cast', 'hit_float_SB', [countedHit], { to: 1 });
  graph.node('ReduceSum', names.correct, [ones, graph.integers('row_axis', [1])], { keepdims: 0 });
  graph.output(names.correct, 'float', ['S']);
  if (!withGradient) return graph.build();

  // Backward.
  const probabilities = graph.node('Softmax', 'probabilities_SBK', [logits], { axis: 2 });
  const classes = graph.constant(
    'classes',
    [K],
    Int32Array.from({ length: K }, (_, k) => k),
  );
  const isLabel = graph.node('Equal', 'is_label_SBK', [labels, classes]);
  const oneHot = graph.node('Cast', 'one_hot_SBK', [isLabel], { to: 1 });
  const errors = graph.node('Sub', 'errors_SBK', [probabilities, oneHot]);
  const weightsColumn = reshape('row_weights_SB1', names.rowWeights, [-1, B, 1]);
  const dLogits = graph.node('Mul', 'd_logits_SBK', [errors, weightsColumn]);
  const { dWeight, dBias } = backward(dLogits);
  const parts = [
    { name: head.weightName, value: reshape('d_weight_flat', dWeight, [-1, layout.length - K]) },
    { name: head.biasName, value: reshape('d_bias_flat', dBias, [-1, K]) },
  ];
  // The flat vector's order is the layout's: by name.
  parts.sort((a, b) => (a.name < b.name ? -1 : 1));
  graph.node(
    'Concat',
    names.gradients,
    parts.map(({ value }) => value),
    { axis: 1 },
  );
  graph.output(names.gradients, 'float', ['S', layout.length]);
  return graph.build();
}
