import type { LinearLayer } from '../network.js';
import type { Rule } from './rule.js';

/**
 * y = x W^T + b (PyTorch's nn.Linear). With g = dL/dy, for each shard:
 *
 *   dx = g W        dW_s = sum_b g_sb^T x_sb        db_s = sum_b g_sb
 *
 * Legend: S shards, B rows of a shard, N = S * B, F inputs, K outputs.
 *
 * The products over all rows keep a row's bits whatever the number of rows is, but for a single row, for which onnxruntime has
 * another kernel: with one row a shard, a row of zeros is added.
 */
export const linearRule: Rule<LinearLayer> = (context, [input]) => {
  const { graph, layer, numShards: S, rowsPerShard: B } = context;
  const name = (suffix: string) => context.name(suffix);
  const { inFeatures: F, outFeatures: K } = layer;
  const x = input!;
  const N = S * B;
  const weight = context.tensor('weight');
  const reshape = (value: string, from: string, shape: readonly number[]) => {
    const target = name(value);
    return graph.node('Reshape', target, [from, graph.integers(`${target}.shape`, shape)]);
  };

  /** A product of rows [N, `columns`] that has no special case for one row. */
  const overRows = (
    value: string,
    rows: string,
    columns: number,
    product: (output: string, rows: string) => string,
  ): string => {
    if (B > 1) return product(name(value), rows);
    const zeros = graph.floats(name(`${value}.zeros`), [1, columns], new Array(columns).fill(0));
    const more = graph.node('Concat', name(`${value}.more`), [rows, zeros], { axis: 0 });
    const result = product(name(`${value}.of_more`), more);
    const range = [0, N, 0].map((at, i) => graph.integers(name(`${value}.range${i}`), [at]));
    return graph.node('Slice', name(value), [result, ...range]);
  };

  // GEMM takes W as it lies in memory: x W^T.
  const operands = layer.bias ? [weight, context.tensor('bias')] : [weight];
  const output = overRows('output', x, F, (value, rows) =>
    graph.node('Gemm', value, [rows, ...operands], { transB: 1 }),
  );
  /** A product with a single column would be computed otherwise for other numbers of rows; with the column as a row it is not. */
  const timesWeight = (value: string, rows: string): string =>
    F === 1
      ? graph.node('Gemm', value, [rows, reshape('weight_1K', weight, [1, K])], { transB: 1 })
      : graph.node('Gemm', value, [rows, weight]);

  return {
    output,
    backward: (dOutput, [wantsInput]) => {
      const dInput = wantsInput === true ? overRows('d_input', dOutput, K, timesWeight) : undefined;
      const tensors = new Map<string, string>();
      if (context.isTrained('weight') || context.isTrained('bias')) {
        const errors = reshape('errors_SBK', dOutput, [S, B, K]);
        if (context.isTrained('weight')) {
          const rows = reshape('rows_SBF', x, [S, B, F]);
          const errors_SKB = graph.node('Transpose', name('errors_SKB'), [errors], {
            perm: [0, 2, 1],
          });
          tensors.set('weight', graph.node('MatMul', name('d_weight'), [errors_SKB, rows]));
        }
        if (layer.bias && context.isTrained('bias')) {
          const ones = graph.floats(name('ones_1B'), [1, B], new Array(B).fill(1));
          tensors.set('bias', graph.node('MatMul', name('d_bias_S1K'), [ones, errors]));
        }
      }
      return { inputs: [dInput], tensors };
    },
  };
};
