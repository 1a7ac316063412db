import type { SimpleLayer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** y = max(x, 0); dx = dy where y > 0, else 0 (PyTorch's threshold_backward). */
export const reluRule: Rule<SimpleLayer> = (context, [input]) => {
  const nodes = new LayerNodes(context);
  const output = nodes.node('Relu', 'output', [input!]);
  return {
    output,
    backward: (dOutput) => {
      const mask = nodes.isNotZero('mask', output);
      return {
        inputs: [nodes.node('Mul', 'd_input', [dOutput, mask])],
        tensors: new Map(),
      };
    },
  };
};
