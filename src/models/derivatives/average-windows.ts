import type { AvgPoolLayer, Pair } from '../network.js';
import { resolveWindow, sizeOf, type ResolvedWindow } from '../shapes.js';
import { AxisTaps } from './axis-windows.js';
import type { LayerNodes } from './layer-nodes.js';
import type { LayerForward, RuleContext } from './rule.js';

/** Average pooling's window: all of a layer but its name. */
type AverageWindow = Pick<AvgPoolLayer, 'kernel' | 'stride' | 'padding' | 'countIncludePad'>;

/**
 * y = the mean of each window, of k elements: those of the image, with `countIncludePad` those of the padding too.
 *
 *   dx[i] = sum over the windows that hold i of dy / k   (PyTorch's avg_pool2d_backward)
 *
 * At stride 1 that is average pooling again, of dy with other padding; else dy / k is placed at the taps of rows and then of columns.
 *
 * Legend: N rows of the graph, C channels, H x W pixels of the input, OH x OW of the output.
 */
export function averageWindows(
  context: Pick<RuleContext, 'inputShapes' | 'numShards' | 'rowsPerShard'>,
  nodes: LayerNodes,
  window: AverageWindow,
  input: string,
): LayerForward {
  const [channels, ...sides] = context.inputShapes[0]!;
  const size = sizeOf([channels!, ...sides]);
  const { kernel, stride, countIncludePad } = window;
  const resolved = resolveWindow(size, window);
  const { top, left, bottom, right } = resolved.padding;
  const numRows = context.numShards * context.rowsPerShard;
  const numElements = kernel[0] * kernel[1];
  const output = nodes.node('AveragePool', 'output', [input], {
    kernel_shape: kernel,
    strides: stride,
    pads: [top, left, bottom, right],
    count_include_pad: countIncludePad ? 1 : 0,
  });

  /** dy * numerator / k. */
  const shares = (dOutput: string, numerator: number): string => {
    const isPadded = [top, left, bottom, right].some((side) => side > 0);
    const counts = countIncludePad || !isPadded ? undefined : countsOf(size, window, resolved);
    if (counts === undefined && numerator === numElements) return dOutput;
    const factors =
      counts === undefined
        ? nodes.filled('factor', [], numerator / numElements)
        : nodes.constant(
            'factors',
            [...resolved.outputSize],
            counts.map((k) => numerator / k),
          );
    return nodes.node('Mul', 'errors', [dOutput, factors]);
  };
  const byPooling = (dOutput: string): string => {
    const [height, width] = kernel.map((side) => side - 1) as [number, number];
    return nodes.node('AveragePool', 'd_input', [shares(dOutput, numElements)], {
      kernel_shape: kernel,
      pads: [height - top, width - left, height - bottom, width - right],
      count_include_pad: 1,
    });
  };
  const byPlacing = (dOutput: string): string => {
    const planes = numRows * channels!;
    const axis = (i: 0 | 1, outer: number, inner: number, before: number): AxisTaps =>
      new AxisTaps(
        nodes,
        {
          ...{ size: size[i], outputSize: resolved.outputSize[i], before, dilation: 1 },
          ...{ kernel: kernel[i], stride: stride[i] },
        },
        outer,
        inner,
      );
    const rows = axis(0, planes, resolved.outputSize[1], top);
    const columns = axis(1, planes * size[0], 1, left);
    const each = (taps: AxisTaps, value: string) => new Array<string>(taps.numTaps).fill(value);
    const dRows = rows.place('d_rows', each(rows, shares(dOutput, 1)));
    const dPixels = columns.place('d_columns', each(columns, dRows));
    return nodes.reshape('d_input', dPixels, [numRows, ...context.inputShapes[0]!]);
  };
  return {
    output,
    backward: (dOutput, [wantsInput]) => {
      if (wantsInput !== true) return { inputs: [undefined], tensors: new Map() };
      const isDense = stride[0] === 1 && stride[1] === 1;
      const dInput = isDense ? byPooling(dOutput) : byPlacing(dOutput);
      return { inputs: [dInput], tensors: new Map() };
    },
  };
}

/** How many pixels of the image each window holds: [OH, OW]. */
function countsOf(
  size: Pair,
  { kernel, stride }: AverageWindow,
  { outputSize, padding }: ResolvedWindow,
): Float32Array {
  const [vertical, horizontal] = ([0, 1] as const).map((axis) =>
    Array.from({ length: outputSize[axis] }, (_, o) => {
      const start = o * stride[axis] - (axis === 0 ? padding.top : padding.left);
      return Math.min(start + kernel[axis], size[axis]) - Math.max(start, 0);
    }),
  );
  return Float32Array.from(
    vertical!.flatMap((rows) => horizontal!.map((columns) => rows * columns)),
  );
}
