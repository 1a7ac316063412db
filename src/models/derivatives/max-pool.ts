import type { MaxPoolLayer } from '../network.js';
import { onnxTypes } from '../onnx/schema.js';
import { resolveWindow, sizeOf } from '../shapes.js';
import { AxisTaps } from './axis-windows.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/**
 * y = the largest element of each window; its gradient goes to the first of them in scan order, row by row (PyTorch's
 * max_pool2d_with_indices). Values are finite.
 *
 * The first largest is the first largest of the first row whose largest is y. So it is looked for along columns and then rows: taps of
 * the rows' largest are compared with y in order, each that equals it takes what is left of the gradient; and so along each row.
 * (onnxruntime's MaxPool with indices takes 20 times as long as that without, and then the gradient has to be scattered.)
 *
 * Legend: N rows of the graph, C channels, H x W pixels of the input, OH x OW of the output.
 */
export const maxPoolRule: Rule<MaxPoolLayer> = (context, [input]) => {
  const { layer, inputShapes, outputShape, numShards, rowsPerShard } = context;
  const { kernel, stride, dilation } = layer;
  const nodes = new LayerNodes(context);
  const [H, W] = sizeOf(inputShapes[0]!);
  const [OH, OW] = sizeOf(outputShape);
  const { padding } = resolveWindow([H, W], layer);
  const { top, left, bottom, right } = padding;
  const NC = numShards * rowsPerShard * outputShape[0]!;
  const output = nodes.node('MaxPool', 'output', [input!], {
    kernel_shape: kernel,
    strides: stride,
    dilations: dilation,
    pads: [top, left, bottom, right],
  });

  /** The gradient of the largest of each window, divided among the taps: to the first that is the largest. */
  const divide = (
    suffix: string,
    taps: readonly string[],
    largest: string,
    gradient: string,
  ): string[] => {
    let rest = gradient;
    return taps.map((tap, t) => {
      // What no other tap has taken is the last one's.
      if (t === taps.length - 1) return rest;
      const isLargest = nodes.node('Equal', `${suffix}.is_largest_${t}`, [tap, largest]);
      const mask = nodes.node('Cast', `${suffix}.mask_${t}`, [isLargest], { to: onnxTypes.float });
      const taken = nodes.node('Mul', `${suffix}.taken_${t}`, [rest, mask]);
      rest = nodes.node('Sub', `${suffix}.rest_${t}`, [rest, taken]);
      return taken;
    });
  };

  return {
    output,
    backward: (dOutput, [wantsInput]) => {
      if (wantsInput !== true) return { inputs: [undefined], tensors: new Map() };
      const columns = new AxisTaps(
        nodes,
        {
          ...{ size: W, outputSize: OW, kernel: kernel[1], stride: stride[1] },
          ...{ dilation: dilation[1], before: left },
        },
        NC * H,
        1,
      );
      const rows = new AxisTaps(
        nodes,
        {
          ...{ size: H, outputSize: OH, kernel: kernel[0], stride: stride[0] },
          ...{ dilation: dilation[0], before: top },
        },
        NC,
        OW,
      );
      const ofColumns = columns.read('columns', input!, -Infinity);
      const ofRow = nodes.node('Max', 'largest_of_row', ofColumns);
      const ofRows = rows.read('rows', ofRow, -Infinity);
      const shape = [NC, OH * OW];
      const largest = nodes.reshape('largest', output, shape);
      const errors = nodes.reshape('errors', dOutput, shape);
      const dRow = rows.place('d_rows', divide('rows', ofRows, largest, errors));
      const dLargest = nodes.reshape('d_largest_of_row', dRow, [NC * H, OW]);
      const dInput = columns.place('d_columns', divide('columns', ofColumns, ofRow, dLargest));
      const image = [numShards * rowsPerShard, ...inputShapes[0]!];
      return { inputs: [nodes.reshape('d_input', dInput, image)], tensors: new Map() };
    },
  };
};
