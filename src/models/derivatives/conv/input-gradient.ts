import type { ConvGeometry } from './geometry.js';
import type { ConvOperands } from './lowered-conv.js';

/**
 * The gradient of a convolution's input: each pixel of the input gets what the windows that read it sent back, dx = W^T g. Dumoulin and
 * Visin, "A guide to convolution arithmetic for deep learning", 2016 (arXiv 1603.07285), chapter 4. Three ways to the same.
 *
 * Legend: see lowered-conv.ts.
 */
export type InputGradientLowering =
  /** ConvTranspose. */
  | 'transposed'
  /** At stride 1 it is a convolution of the errors with the kernels turned by 180 degrees, channels exchanged. */
  | 'flipped'
  /** A 1x1 convolution is a matrix product for each image, and so is this. */
  | 'pointwise';

export function canTakeInputGradient(
  geometry: ConvGeometry,
  lowering: InputGradientLowering,
): boolean {
  const { groups, stride, kernel, dilation, numTaps, pads } = geometry;
  const atEachPixel = stride[0] === 1 && stride[1] === 1;
  switch (lowering) {
    case 'transposed':
      return true;
    case 'flipped': {
      // Else the convolution's padding would be negative.
      const reach = [0, 1].map((axis) => (kernel[axis]! - 1) * dilation[axis]!);
      return atEachPixel && pads.every((side, i) => side <= reach[i % 2]!);
    }
    case 'pointwise': {
      const isPadded = pads.some((side) => side > 0);
      // A product of a single row or column is a special case: see products.ts.
      const isNarrow = geometry.inChannels === 1 || geometry.numPixels === 1;
      return atEachPixel && groups === 1 && numTaps === 1 && !isPadded && !isNarrow;
    }
  }
}

/** [N, K, OH, OW] -> [N, C, H, W] */
export function inputGradient(
  operands: ConvOperands,
  dOutput: string,
  lowering: InputGradientLowering,
): string {
  switch (lowering) {
    case 'transposed':
      return transposedConv(operands, dOutput);
    case 'flipped':
      return flippedConv(operands, dOutput);
    case 'pointwise':
      return pointwise(operands, dOutput);
  }
}

function transposedConv({ nodes, geometry, weight }: ConvOperands, dOutput: string): string {
  const { kernel, stride, dilation, groups, pads, surplus } = geometry;
  return nodes.node('ConvTranspose', 'd_input', [dOutput, weight], {
    kernel_shape: kernel,
    strides: stride,
    dilations: dilation,
    pads,
    output_padding: surplus,
    group: groups,
  });
}

function flippedConv({ nodes, geometry, weight }: ConvOperands, dOutput: string): string {
  const { kernel, dilation, groups: G, pads, inChannels: C, outChannels: K } = geometry;
  const T = geometry.numTaps;
  const byGroup = nodes.reshape('taps_GKCT', weight, [G, K / G, C / G, T]);
  const exchanged = nodes.transpose('taps_GCKT', byGroup, [0, 2, 1, 3]);
  const taps = nodes.reshape('taps', exchanged, [(C * K) / G, T]);
  // As a product with a permutation it is twice as fast as as a Slice with negative steps.
  const reversal = Float32Array.from({ length: T * T }, (_, at) =>
    Math.floor(at / T) + (at % T) === T - 1 ? 1 : 0,
  );
  const turned = nodes.node('MatMul', 'turned', [
    taps,
    nodes.constant('reversal', [T, T], reversal),
  ]);
  const kernels = nodes.reshape('turned_kernels', turned, [C, K / G, ...kernel]);
  return nodes.node('Conv', 'd_input', [dOutput, kernels], {
    kernel_shape: kernel,
    dilations: dilation,
    pads: pads.map((side, i) => (kernel[i % 2]! - 1) * dilation[i % 2]! - side),
    group: G,
  });
}

function pointwise({ nodes, geometry, weight }: ConvOperands, dOutput: string): string {
  const { numRows: N, inChannels: C, outChannels: K, numPixels: P } = geometry;
  const weight_KC = nodes.reshape('weight_KC', weight, [K, C]);
  const weight_CK = nodes.transpose('weight_CK', weight_KC, [1, 0]);
  const errors_NKP = nodes.reshape('errors_NKP', dOutput, [N, K, P]);
  const dPixels = nodes.node('MatMul', 'd_pixels_NCP', [weight_CK, errors_NKP]);
  return nodes.reshape('d_input', dPixels, [N, C, ...geometry.inputSize]);
}
