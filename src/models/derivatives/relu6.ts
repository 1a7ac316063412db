import type { SimpleLayer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** y = min(max(x, 0), 6); dx = dy where 0 < x < 6, else 0 (PyTorch's hardtanh_backward). There
 * y (6 - y) is not zero. */
export const relu6Rule: Rule<SimpleLayer> = (context, [input]) => {
  const nodes = new LayerNodes(context);
  const low = nodes.filled('low', [], 0);
  const high = nodes.filled('high', [], 6);
  const output = nodes.node('Clip', 'output', [input!, low, high]);
  return {
    output,
    backward: (dOutput) => {
      const room = nodes.node('Sub', 'room', [high, output]);
      const inside = nodes.isNotZero('inside', nodes.node('Mul', 'distances', [output, room]));
      return {
        inputs: [nodes.node('Mul', 'd_input', [dOutput, inside])],
        tensors: new Map(),
      };
    },
  };
};
