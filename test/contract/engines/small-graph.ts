import type { Pass } from '../../../src/engines/network/network-engine.js';
import { GraphBuilder } from '../../../src/models/onnx/graph-builder.js';
import type { Network } from '../../../src/models/network.js';

/**
 * A training graph written by hand, with every kind of input and output that one can have: logits = dropout(x - running_mean) W^T + b;
 * its "batch statistics" are sums of the rows that are no padding.
 */
export const smallLayers: Pick<Network, 'layers'> = {
  layers: [
    { kind: 'batchNorm', name: 'bn', inputs: ['x'], channels: 9, epsilon: 1e-5, momentum: 0.1 },
    { kind: 'dropout', name: 'drop', inputs: ['bn'], probability: 0.3 },
  ],
};

interface Sizes {
  readonly rowsPerShard: number;
  readonly numFeatures: number;
  readonly numClasses: number;
}

export function smallGraph(sizes: Sizes, pass: Pass, numShards: number): Uint8Array {
  const { rowsPerShard: B, numFeatures: F, numClasses: K } = sizes;
  const S = numShards;
  const N = S * B;
  const graph = new GraphBuilder('small');
  const reshape = (output: string, input: string, shape: readonly number[]) =>
    graph.node('Reshape', output, [input, graph.integers(`${output}.shape`, shape)]);
  graph.input('features', 'float', [N, F]);
  graph.input('targets', 'float', [N, K]);
  graph.input('labels', 'int32', [N]);
  graph.input('fc.weight', 'float', [K, F]);
  graph.input('fc.bias', 'float', [K]);
  graph.input('bn.running_mean', 'float', [F]);
  let rows = graph.node('Sub', 'centred', ['features', 'bn.running_mean']);
  if (pass === 'gradient') {
    graph.input('dropout/drop', 'float', [N, F]);
    rows = graph.node('Mul', 'dropped', [rows, 'dropout/drop']);
  }
  const logits = graph.node('Gemm', 'logits', [rows, 'fc.weight', 'fc.bias'], { transB: 1 });
  const logs = graph.node('LogSoftmax', 'logs', [logits], { axis: 1 });
  const products = graph.node('MatMul', 'products', [
    reshape('targets_S1R', 'targets', [S, 1, B * K]),
    reshape('logs_SR1', logs, [S, B * K, 1]),
  ]);
  reshape('losses', graph.node('Neg', 'losses_S11', [products]), [S]);
  graph.output('losses', 'float', [S]);
  const predicted = graph.node('ArgMax', 'predicted', [logits], { axis: 1, keepdims: 0 });
  const labels = graph.node('Cast', 'labels64', ['labels'], { to: 7 });
  const hits = graph.node('Cast', 'hits', [graph.node('Equal', 'hit', [predicted, labels])], {
    to: 1,
  });
  const axis = graph.integers('row_axis', [1]);
  graph.node('ReduceSum', 'correct', [reshape('hits_SB', hits, [S, B]), axis], { keepdims: 0 });
  graph.output('correct', 'float', [S]);
  if (pass === 'evaluation') return graph.build();

  const ones = graph.constant('ones', [K, 1], new Float32Array(K).fill(1));
  const sums = graph.node('MatMul', 'sums', ['targets', ones]);
  const expected = graph.node('Mul', 'expected', [
    graph.node('Softmax', 'probabilities', [logits], { axis: 1 }),
    sums,
  ]);
  const errors = reshape('errors_SBK', graph.node('Sub', 'errors', [expected, 'targets']), [
    S,
    B,
    K,
  ]);
  const turned = graph.node('Transpose', 'errors_SKB', [errors], { perm: [0, 2, 1] });
  // [S, K, F]: any shape of S * length values will do.
  graph.node('MatMul', 'gradient/fc.weight', [turned, reshape('rows_SBF', rows, [S, B, F])]);
  graph.output('gradient/fc.weight', 'float', [S, K, F]);
  const columns = graph.constant('columns', [B, 1], new Float32Array(B).fill(1));
  reshape('gradient/fc.bias', graph.node('MatMul', 'd_bias', [turned, columns]), [S, K]);
  graph.output('gradient/fc.bias', 'float', [S, K]);

  graph.input('row_mask', 'float', [N, 1]);
  const mask = reshape('mask_S1B', 'row_mask', [S, 1, B]);
  const images = reshape('features_SBF', 'features', [S, B, F]);
  reshape('batch_mean/bn', graph.node('MatMul', 'means', [mask, images]), [S, F]);
  const squares = graph.node('Mul', 'squares', [images, images]);
  reshape('batch_var/bn', graph.node('MatMul', 'squares_S1F', [mask, squares]), [S, F]);
  graph.output('batch_mean/bn', 'float', [S, F]);
  graph.output('batch_var/bn', 'float', [S, F]);
  return graph.build();
}
