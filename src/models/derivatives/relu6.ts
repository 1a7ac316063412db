import type { SimpleLayer } from '../network.js';
import { onnxTypes } from '../onnx/schema.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** y = min(max(x, 0), 6); dx = dy where 0 < x < 6, else 0 (PyTorch's hardtanh_backward): where y is neither 0 nor 6. */
export const relu6Rule: Rule<SimpleLayer> = (context, [input]) => {
  const nodes = new LayerNodes(context);
  const low = nodes.filled('low', [], 0);
  const high = nodes.filled('high', [], 6);
  const output = nodes.node('Clip', 'output', [input!, low, high]);
  return {
    output,
    backward: (dOutput) => {
      // Of bytes, but for what is multiplied: a difference and a product of floats take twice as long.
      const above = nodes.node('Cast', 'above', [output], { to: onnxTypes.bool });
      const below = nodes.node('Less', 'below', [output, high]);
      const isInside = nodes.node('And', 'is_inside', [above, below]);
      const inside = nodes.node('Cast', 'inside', [isInside], { to: onnxTypes.float });
      return {
        inputs: [nodes.node('Mul', 'd_input', [dOutput, inside])],
        tensors: new Map(),
      };
    },
  };
};
