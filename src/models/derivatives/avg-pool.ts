import type { ExplicitPadding, Layer, Pair } from '../network.js';
import { resolveWindow, sizeOf } from '../shapes.js';
import { spreadEvenly } from './even-windows.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

type AvgPool = Extract<Layer, { kind: 'avgPool' }>;

/**
 * y = sum of x over each window / count, which is the window's area or, without countIncludePad, what of it is in the image. dx is
 * the sum of dy / count over the windows that a pixel is in (PyTorch's avg_pool2d_backward).
 *
 * Windows side by side repeat their share. At stride 1 that sum is such an average itself, over the errors; else it is a transposed
 * convolution with a kernel of ones.
 */
export const avgPoolRule: Rule<AvgPool> = (context, [input]) => {
  const { layer, inputShapes, numShards, rowsPerShard } = context;
  const { kernel, stride, countIncludePad } = layer;
  const nodes = new LayerNodes(context);
  const C = inputShapes[0]![0]!;
  const N = numShards * rowsPerShard;
  const size = sizeOf(inputShapes[0]!);
  const { outputSize, padding } = resolveWindow(size, layer);
  const { top, left, bottom, right } = padding;
  const pads = [top, left, bottom, right];
  const output = nodes.node('AveragePool', 'output', [input!], {
    kernel_shape: kernel,
    strides: stride,
    pads,
    count_include_pad: countIncludePad ? 1 : 0,
  });

  const surplus = ([0, 1] as const).map(
    (i) => size[i] + pads[i]! + pads[i + 2]! - (outputSize[i] - 1) * stride[i] - kernel[i],
  );
  const isPadded = pads.some((side) => side > 0);
  const isEven =
    !isPadded && surplus.every((side) => side === 0) && kernel.join() === stride.join();
  const isDense = stride[0] === 1 && stride[1] === 1;

  /** dy, where averages left padding out times area / count: then it is as if all had the window's area. */
  const ofWholeWindows = (dOutput: string): string => {
    if (countIncludePad || !isPadded) return dOutput;
    const counts = windowCounts(size, outputSize, layer, padding);
    const factors = counts.map((count) => (kernel[0] * kernel[1]) / count);
    return nodes.node('Mul', 'whole', [dOutput, nodes.constant('factors', outputSize, factors)]);
  };
  const averageOfErrors = (dOutput: string): string =>
    nodes.node('AveragePool', 'd_input', [ofWholeWindows(dOutput)], {
      kernel_shape: kernel,
      pads: pads.map((side, i) => kernel[i % 2]! - 1 - side),
      count_include_pad: 1,
    });
  const transposedConv = (dOutput: string): string => {
    const images = nodes.reshape('errors', ofWholeWindows(dOutput), [N * C, 1, ...outputSize]);
    const share = 1 / (kernel[0] * kernel[1]);
    const kernels = nodes.filled('shares', [1, 1, ...kernel], share);
    return nodes.node('ConvTranspose', 'd_images', [images, kernels], {
      kernel_shape: kernel,
      strides: stride,
      pads,
      output_padding: surplus,
    });
  };
  return {
    output,
    backward: (dOutput) => {
      const tensors = new Map<string, string>();
      if (!isEven && isDense) return { inputs: [averageOfErrors(dOutput)], tensors };
      const images = isEven
        ? spreadEvenly(nodes, dOutput, { numImages: N * C, outputSize, window: kernel })
        : transposedConv(dOutput);
      return { inputs: [nodes.reshape('d_input', images, [N, C, ...size])], tensors };
    },
  };
};

/** [OH, OW]: how many pixels of each window lie in the image. */
function windowCounts(
  size: Pair,
  outputSize: Pair,
  { kernel, stride }: Pick<AvgPool, 'kernel' | 'stride'>,
  { top, left }: ExplicitPadding,
): Float32Array {
  const inside = (axis: 0 | 1, before: number): number[] =>
    Array.from({ length: outputSize[axis] }, (_, i) => {
      const start = i * stride[axis] - before;
      return Math.min(start + kernel[axis], size[axis]) - Math.max(start, 0);
    });
  const rows = inside(0, top);
  const columns = inside(1, left);
  return Float32Array.from(rows.flatMap((height) => columns.map((width) => height * width)));
}
