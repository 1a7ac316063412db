import type { BatchNormLayer } from '../network.js';
import { numElements } from '../tensor-specs.js';
import { LayerNodes } from './layer-nodes.js';
import { products } from './products.js';
import type { LayerForward, Rule, RuleContext } from './rule.js';

/**
 * y = (x - mean) / sqrt(var + epsilon) * weight + bias for each channel (PyTorch's nn.BatchNorm2d), by the running statistics, or in a training
 * pass with `batchNorm: shard` by the shard's own: the mean and biased variance of its rows that count.
 *
 * With x' = (x - mean) i, i = 1 / sqrt(var + epsilon), g = dL/dy and n the number of values of a channel in a shard:
 *
 *   dweight = sum g x'        dbias = sum g
 *   running statistics:  dx = g i weight
 *   the shard's own:     dx = (g - dbias / n - x' dweight / n) i weight   (PyTorch's native_batch_norm_backward)
 *
 * A sum over a shard is that of its rows' means over pixels (GlobalAveragePool adds each up by itself, in an order that only the
 * number of pixels fixes), as a product with a number for each row.
 *
 * Legend: S shards, B rows of a shard, N = S * B, C channels, P pixels.
 */
export const batchNormRule: Rule<BatchNormLayer> = (context, [input]) => {
  const usesShard = context.batchNorm === 'shard' && context.isTraining;
  return usesShard ? byShard(context, input!) : byRunningStatistics(context, input!);
};

type Context = RuleContext<BatchNormLayer>;

function byRunningStatistics(context: Context, input: string): LayerForward {
  const nodes = new ChannelNodes(context);
  const [weight, bias] = [context.tensor('weight'), context.tensor('bias')];
  const [mean, variance] = [context.tensor('running_mean'), context.tensor('running_var')];
  const output = nodes.node('BatchNormalization', 'output', [input, weight, bias, mean, variance], {
    epsilon: { float: context.layer.epsilon },
  });
  return {
    output,
    backward: (dOutput, [wantsInput]) => {
      const inverse_C = nodes.inverseDeviation(variance);
      const tensors = new Map<string, string>();
      const numPixels_2B = nodes.filled('numPixels_2B', [2, nodes.B], nodes.P);
      if (context.isTrained('weight')) {
        const centred = nodes.node('Sub', 'centred', [input, nodes.ofChannels('mean_C11', mean)]);
        const sum = nodes.sumOfProducts('errors_centred', dOutput, centred, numPixels_2B);
        tensors.set('weight', nodes.node('Mul', 'd_weight', [sum, inverse_C]));
      }
      if (context.isTrained('bias'))
        tensors.set('bias', nodes.sum('d_bias', dOutput, numPixels_2B));
      if (wantsInput !== true) return { inputs: [undefined], tensors };
      const scale_C = nodes.node('Mul', 'scale', [weight, inverse_C]);
      const scale_C11 = nodes.ofChannels('scale_C11', scale_C);
      return { inputs: [nodes.node('Mul', 'd_input', [dOutput, scale_C11])], tensors };
    },
  };
}

function byShard(context: Context, input: string): LayerForward {
  const nodes = new ChannelNodes(context);
  const { S, B, C, P } = nodes;
  const [weight, bias] = [context.tensor('weight'), context.tensor('bias')];
  const one = nodes.filled('one', [], 1);

  // Each row's part in a mean: 1 / rows that count, or 0. A shard without rows has zeros.
  const mask_S1B = nodes.reshape('mask_S1B', context.rowMask(), [S, 1, B]);
  const rows_S11 = nodes.node('MatMul', 'rows_S11', [mask_S1B, nodes.filled('ones', [B, 1], 1)]);
  const rowsOr1_S11 = nodes.node('Max', 'rowsOr1_S11', [rows_S11, one]);
  const shares_S1B = nodes.node('Div', 'shares_S1B', [mask_S1B, rowsOr1_S11]);
  const shares_S2B = nodes.concat('shares_S2B', [shares_S1B, shares_S1B], 1);

  const mean_S1C = nodes.sum('mean', input, shares_S2B);
  const image = nodes.reshape('input_SB', input, [S, B, C, P]);
  const mean_S1C1 = nodes.reshape('mean_S1C1', mean_S1C, [S, 1, C, 1]);
  const centred_SBCP = nodes.node('Sub', 'centred_SBCP', [image, mean_S1C1]);
  const centred = nodes.reshape('centred', centred_SBCP, nodes.shape);
  const variance_S1C = nodes.sumOfProducts('variance', centred, centred, shares_S2B);
  const inverse_S1C = nodes.inverseDeviation(variance_S1C);
  const scale_S1C = nodes.node('Mul', 'scale_S1C', [inverse_S1C, weight]);
  const output = nodes.affineOfRows('output', centred, scale_S1C, bias);

  /** Unbiased: n / (n - 1) of it. A single value has none: such runs are refused (single-values.ts), and here it stays 0. */
  const unbiased = (): string => {
    const count_S11 = nodes.node('Mul', 'count_S11', [rows_S11, nodes.filled('P', [], P)]);
    const others_S11 = nodes.node('Sub', 'others_S11', [count_S11, one]);
    const othersOr1_S11 = nodes.node('Max', 'othersOr1_S11', [others_S11, one]);
    const factor_S11 = nodes.node('Div', 'factor_S11', [count_S11, othersOr1_S11]);
    return nodes.node('Mul', 'unbiased_S1C', [variance_S1C, factor_S11]);
  };
  return {
    output,
    statistics: { mean: mean_S1C, variance: unbiased() },
    backward: (dOutput, [wantsInput]) => {
      const numPixels_2B = nodes.filled('numPixels_2B', [2, B], P);
      const dBias_S1C = nodes.sum('d_bias', dOutput, numPixels_2B);
      const sum_S1C = nodes.sumOfProducts('errors_centred', dOutput, centred, numPixels_2B);
      const dWeight_S1C = nodes.node('Mul', 'd_weight', [sum_S1C, inverse_S1C]);
      const tensors = new Map<string, string>();
      if (context.isTrained('weight')) tensors.set('weight', dWeight_S1C);
      if (context.isTrained('bias')) tensors.set('bias', dBias_S1C);
      if (wantsInput !== true) return { inputs: [undefined], tensors };

      // dx = (g + centred * a + b) * scale with a = -i dweight / n and b = -dbias / n; rows of padding have had no part in it.
      const perValue_S1B = nodes.node('Div', 'perValue_S1B', [
        shares_S1B,
        nodes.filled('minusP', [], -P),
      ]);
      const perValue_SB1 = nodes.reshape('perValue_SB1', perValue_S1B, [S, B, 1]);
      const slope_S1C = nodes.node('Mul', 'slope_S1C', [dWeight_S1C, inverse_S1C]);
      const a_SBC = nodes.node('Mul', 'a_SBC', [perValue_SB1, slope_S1C]);
      const b_SBC = nodes.node('Mul', 'b_SBC', [perValue_SB1, dBias_S1C]);
      const correction = nodes.affineOfRows('correction', centred, a_SBC, b_SBC);
      const corrected = nodes.node('Add', 'corrected', [dOutput, correction]);
      const corrected_SBCP = nodes.reshape('corrected_SBCP', corrected, [S, B, C, P]);
      const scale_S1C1 = nodes.reshape('scale_S1C1', scale_S1C, [S, 1, C, 1]);
      const scaled = nodes.node('Mul', 'd_input_SBCP', [corrected_SBCP, scale_S1C1]);
      return { inputs: [nodes.reshape('d_input', scaled, nodes.shape)], tensors };
    },
  };
}

/** Nodes over the channels of a batch norm's rows. */
class ChannelNodes extends LayerNodes {
  readonly S: number;
  readonly B: number;
  readonly C: number;
  readonly P: number;
  /** [N, C, ...pixels] */
  readonly shape: readonly number[];
  readonly #epsilon: number;

  constructor(context: Context) {
    super(context);
    const { layer, numShards, rowsPerShard, outputShape } = context;
    this.S = numShards;
    this.B = rowsPerShard;
    this.C = layer.channels;
    this.P = numElements(outputShape) / layer.channels;
    this.shape = [numShards * rowsPerShard, ...outputShape];
    this.#epsilon = layer.epsilon;
  }

  /** [C] for [N, C, ...pixels]. */
  ofChannels(suffix: string, values_C: string): string {
    return this.reshape(suffix, values_C, [this.C, ...this.shape.slice(2).map(() => 1)]);
  }

  /** 1 / sqrt(variance + epsilon), of the shape of the variance. */
  inverseDeviation(variance: string): string {
    const shifted = this.node('Add', 'variance_epsilon', [
      variance,
      this.filled('epsilon', [], this.#epsilon),
    ]);
    const deviation = this.node('Sqrt', 'deviation', [shifted]);
    return this.node('Reciprocal', 'inverse_deviation', [deviation]);
  }

  /**
   * The means over pixels of [N, C, ...pixels], times a factor of each row, added up over rows: [S, 1, C]. `factors_S2B`: [S, 2, B] or
   * [2, B], each there twice (products.ts).
   */
  sum(suffix: string, values: string, factors_S2B: string): string {
    const means = this.node('GlobalAveragePool', `${suffix}.means`, [values]);
    const means_SBC = this.reshape(`${suffix}.means_SBC`, means, [this.S, this.B, this.C]);
    const sides = { rows: 2, columns: this.C };
    const sums_S2C = products(this, `${suffix}_S2C`, [factors_S2B, means_SBC], sides);
    return this.slice(`${suffix}_S1C`, sums_S2C, { axes: [1], starts: [0], ends: [1] });
  }

  sumOfProducts(suffix: string, a: string, b: string, factors_S2B: string): string {
    return this.sum(suffix, this.node('Mul', `${suffix}.products`, [a, b]), factors_S2B);
  }

  /**
   * values * scale + shift, each given for [S, B, C] or something that is spread over it. As batch norm of N * C channels it is one
   * pass over memory, with Mul and Add it is two.
   */
  affineOfRows(suffix: string, values: string, scale: string, shift: string): string {
    const { S, B, C, P } = this;
    const all = S * B * C;
    const spread = (name: string, operand: string): string => {
      const shape = this.integers(`${suffix}.${name}.SBC`, [S, B, C]);
      const each = this.node('Expand', `${suffix}.${name}_SBC`, [operand, shape]);
      return this.reshape(`${suffix}.${name}`, each, [all]);
    };
    const zeros = this.filled(`${suffix}.zeros`, [all], 0);
    const ones = this.filled(`${suffix}.ones`, [all], 1);
    const rows = this.reshape(`${suffix}.rows`, values, [1, all, P]);
    const operands = [rows, spread('scale', scale), spread('shift', shift), zeros, ones];
    const result = this.node('BatchNormalization', `${suffix}.result`, operands, {
      epsilon: { float: 0 },
    });
    return this.reshape(suffix, result, this.shape);
  }
}
