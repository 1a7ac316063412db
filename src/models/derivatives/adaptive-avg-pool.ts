import type { AdaptiveAvgPoolLayer } from '../network.js';
import { averagingMatrix } from '../onnx/adaptive-avg-pool.js';
import { sizeOf } from '../shapes.js';
import { averageWindows } from './average-windows.js';
import { LayerNodes } from './layer-nodes.js';
import type { LayerForward, Rule, RuleContext } from './rule.js';

/**
 * PyTorch's nn.AdaptiveAvgPool2d. With A_v and A_h the averaging matrices of the axes (adaptive-avg-pool.ts of ../onnx), for each
 * image and channel:
 *
 *   y = A_v x A_h^T        dx = A_v^T dy A_h
 *
 * Where the windows are all of the image, or the image is divided evenly, there are operators that do it.
 */
export const adaptiveAvgPoolRule: Rule<AdaptiveAvgPoolLayer> = (context, [input]) => {
  const nodes = new LayerNodes(context);
  const [height, width] = sizeOf(context.inputShapes[0]!);
  const [rows, columns] = context.layer.outputSize;
  if (rows === 1 && columns === 1) return wholeAverage(context, nodes, input!);
  if (rows === height && columns === width) {
    return {
      output: input!,
      backward: (dOutput) => ({ inputs: [dOutput], tensors: new Map() }),
    };
  }
  if (height % rows === 0 && width % columns === 0) {
    const kernel = [height / rows, width / columns] as const;
    const padding = { top: 0, left: 0, bottom: 0, right: 0 };
    const window = { kernel, stride: kernel, padding, countIncludePad: true };
    return averageWindows(context, nodes, window, input!);
  }
  return byMatrices(context, nodes, input!);
};

type Context = RuleContext<AdaptiveAvgPoolLayer>;

function wholeAverage(context: Context, nodes: LayerNodes, input: string): LayerForward {
  const [height, width] = sizeOf(context.inputShapes[0]!);
  return {
    output: nodes.node('GlobalAveragePool', 'output', [input]),
    backward: (dOutput, [wantsInput]) => {
      if (wantsInput !== true) return { inputs: [undefined], tensors: new Map() };
      // Spread over the image by multiplication: onnxruntime's Expand is many times as slow.
      const shares = nodes.filled('shares', [height, width], 1 / (height * width));
      const dInput = nodes.node('Mul', 'd_input', [dOutput, shares]);
      return { inputs: [dInput], tensors: new Map() };
    },
  };
}

function byMatrices(context: Context, nodes: LayerNodes, input: string): LayerForward {
  const [height, width] = sizeOf(context.inputShapes[0]!);
  const [rows, columns] = context.layer.outputSize;
  const vertical = nodes.constant('vertical', [rows, height], averagingMatrix(height, rows));
  const horizontal = nodes.constant(
    'horizontal',
    [columns, width],
    averagingMatrix(width, columns),
  );

  /** V x H^T as (H (V x)^T)^T: a matrix on the right would be multiplied by the rows of all images at once. */
  const onBothSides = (suffix: string, left: string, value: string, right: string): string => {
    const product = nodes.node('MatMul', `${suffix}.rows`, [left, value]);
    const turned = nodes.transpose(`${suffix}.turned`, product, [0, 1, 3, 2]);
    const products = nodes.node('MatMul', `${suffix}.columns`, [right, turned]);
    return nodes.transpose(suffix, products, [0, 1, 3, 2]);
  };
  return {
    output: onBothSides('output', vertical, input, horizontal),
    backward: (dOutput, [wantsInput]) => {
      if (wantsInput !== true) return { inputs: [undefined], tensors: new Map() };
      const down = nodes.transpose('vertical_T', vertical, [1, 0]);
      const across = nodes.transpose('horizontal_T', horizontal, [1, 0]);
      const dInput = onBothSides('d_input', down, dOutput, across);
      return { inputs: [dInput], tensors: new Map() };
    },
  };
}
