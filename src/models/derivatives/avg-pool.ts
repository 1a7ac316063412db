import type { AvgPoolLayer } from '../network.js';
import { averageWindows } from './average-windows.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** PyTorch's nn.AvgPool2d, or TensorFlow's, whose padding does not count: {@link averageWindows}. */
export const avgPoolRule: Rule<AvgPoolLayer> = (context, [input]) =>
  averageWindows(context, new LayerNodes(context), context.layer, input!);
