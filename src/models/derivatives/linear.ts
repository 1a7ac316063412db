import type { LinearLayer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import { productsOfShards, sumsOfRows } from './products.js';
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
  const { layer, numShards: S, rowsPerShard: B, sumsShards } = context;
  const { inFeatures: F, outFeatures: K } = layer;
  const nodes = new LayerNodes(context);
  const x = input!;
  const weight = context.tensor('weight');

  /** A product of rows [N, `columns`] that has no special case for one row. */
  const overRows = (
    value: string,
    rows: string,
    columns: number,
    product: (value: string, rows: string) => string,
  ): string => {
    if (B > 1) return product(value, rows);
    const zeros = nodes.filled(`${value}.zeros`, [1, columns], 0);
    const more = nodes.concat(`${value}.more`, [rows, zeros], 0);
    const result = product(`${value}.of_more`, more);
    return nodes.slice(value, result, { axes: [0], starts: [0], ends: [S * B] });
  };

  // GEMM takes W as it lies in memory: x W^T.
  const operands = layer.bias ? [weight, context.tensor('bias')] : [weight];
  const output = overRows('output', x, F, (value, rows) =>
    nodes.node('Gemm', value, [rows, ...operands], { transB: 1 }),
  );
  /** A product with a single column is computed otherwise for other numbers of rows; with the column as a row it is not. */
  const timesWeight = (value: string, rows: string): string =>
    F === 1
      ? nodes.node('Gemm', value, [rows, nodes.reshape('weight_1K', weight, [1, K])], { transB: 1 })
      : nodes.node('Gemm', value, [rows, weight]);

  return {
    output,
    backward: (dOutput, [wantsInput]) => {
      const dInput = wantsInput === true ? overRows('d_input', dOutput, K, timesWeight) : undefined;
      const tensors = new Map<string, string>();
      const errors_SBK = nodes.reshape('errors_SBK', dOutput, [S, B, K]);
      if (context.isTrained('weight')) {
        const rows_SBF = nodes.reshape('rows_SBF', x, [S, B, F]);
        const errors_SKB = nodes.transpose('errors_SKB', errors_SBK, [0, 2, 1]);
        const factors = [errors_SKB, rows_SBF] as const;
        const sizes = { rows: K, columns: F, numShards: S, perShard: 1, sumsShards };
        tensors.set('weight', productsOfShards(nodes, 'd_weight_SKF', factors, sizes));
      }
      if (layer.bias && context.isTrained('bias')) {
        const sizes = { numRows: B, columns: K };
        tensors.set('bias', sumsOfRows(nodes, 'd_bias_S1K', errors_SBK, sizes));
      }
      return { inputs: [dInput], tensors };
    },
  };
};
