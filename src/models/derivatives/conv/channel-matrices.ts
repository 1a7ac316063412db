import type { ConvGeometry } from './geometry.js';
import {
  biasGradient,
  errorsByShard,
  type ConvOperands,
  type LoweredConv,
} from './lowered-conv.js';
import { canBePlaced, placement, transposed } from './placement.js';

/**
 * A depthwise convolution of small images: each channel's is a linear map of its pixels, given by a matrix [Q, P] that the channel's
 * taps are spread over. onnxruntime's Conv spends more time on starting than on computing each channel of each image.
 *
 *   M_c = sum_t w_ct E_t        y_nc = x_nc M_c + b_c        dx_nc = g_nc M_c^T        dw_sct = <sum_b x_sbc^T g_sbc, E_t>
 *
 * where E_t [Q, P] says what tap t reads: {@link placement}.
 *
 * Legend: see lowered-conv.ts; Q = H * W; K = C = G.
 */
export function lowerAsChannelMatrices(operands: ConvOperands): LoweredConv {
  const { nodes, geometry, input, weight, bias } = operands;
  const { numShards: S, rowsPerShard: B, numRows: N, numPixels: P } = geometry;
  const { inChannels: C, numTaps: T, numInputPixels: Q } = geometry;
  const matrix = placement(geometry);

  const taps = nodes.reshape('taps_CT', weight, [C, T]);
  const spread = nodes.constant('placement_TQP', [T, Q * P], transposed(matrix, Q * P, T));
  const products = nodes.node('MatMul', 'matrices', [taps, spread]);
  const matrices_CQP = nodes.reshape('matrices_CQP', products, [C, Q, P]);

  /** [N, C, `from` pixels] times a matrix of each channel. */
  const ofChannels = (name: string, value: string, from: number, matrices: string): string => {
    const byRow = nodes.reshape(`${name}.by_row`, value, [N, C, from]);
    const byChannel = nodes.transpose(`${name}.by_channel`, byRow, [1, 0, 2]);
    const mapped = nodes.node('MatMul', `${name}.mapped`, [byChannel, matrices]);
    return nodes.transpose(`${name}.mapped_by_row`, mapped, [1, 0, 2]);
  };

  const products_NCP = ofChannels('x', input, Q, matrices_CQP);
  const biased = (): string => {
    if (bias === undefined) return products_NCP;
    const bias_C1 = nodes.reshape('bias_C1', bias, [C, 1]);
    return nodes.node('Add', 'biased', [products_NCP, bias_C1]);
  };
  return {
    output: nodes.reshape('output', biased(), [N, C, ...geometry.outputSize]),
    backward: (dOutput, wanted) => {
      const inputGradient = (): string => {
        const matrices_CPQ = nodes.transpose('matrices_CPQ', matrices_CQP, [0, 2, 1]);
        const dPixels = ofChannels('errors', dOutput, P, matrices_CPQ);
        return nodes.reshape('d_input', dPixels, [N, C, ...geometry.inputSize]);
      };
      const weightGradient = (): string => {
        const pixels_SBCQ = nodes.reshape('pixels_SBCQ', input, [S, B, C, Q]);
        const pixels_SCQB = nodes.transpose('pixels_SCQB', pixels_SBCQ, [0, 2, 3, 1]);
        const errors_SBCP = nodes.reshape('errors_SBCP', dOutput, [S, B, C, P]);
        const errors_SCBP = nodes.transpose('errors_SCBP', errors_SBCP, [0, 2, 1, 3]);
        const pairs = nodes.node('MatMul', 'pairs_SCQP', [pixels_SCQB, errors_SCBP]);
        const pairs_SC = nodes.reshape('pairs_SC', pairs, [S * C, Q * P]);
        const gather = nodes.constant('placement_QPT', [Q * P, T], matrix);
        return nodes.node('MatMul', 'd_weight', [pairs_SC, gather]);
      };
      const dBias = (): string => {
        const errors_SKR = errorsByShard(operands, dOutput);
        return biasGradient(operands, nodes.transpose('errors_SRK', errors_SKR, [0, 2, 1]));
      };
      return {
        input: wanted.input ? inputGradient() : undefined,
        weight: wanted.weight ? weightGradient() : undefined,
        bias: wanted.bias ? dBias() : undefined,
      };
    },
  };
}

/** Whether it is depthwise, its matrices are small enough, and its products no special cases (see rows.ts). */
export function canLowerAsChannelMatrices(geometry: ConvGeometry): boolean {
  const { groups, rowsPerShard: B, inChannels: C, outChannels: K } = geometry;
  const { numInputPixels: Q, numPixels: P, numTaps: T } = geometry;
  const isDepthwise = groups === C && K === C;
  return isDepthwise && [B, C, Q, P, T].every((side) => side > 1) && canBePlaced(geometry);
}
