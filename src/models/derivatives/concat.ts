import type { SimpleLayer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** y has the inputs' channels one after the other; each input's gradient is its own channels of dy. */
export const concatRule: Rule<SimpleLayer> = (context, inputs) => {
  const nodes = new LayerNodes(context);
  const channels = context.inputShapes.map((shape) => shape[0]!);
  return {
    output: nodes.concat('output', inputs, 1),
    backward: (dOutput, wanted) => {
      let end = 0;
      const gradients = channels.map((count, i) => {
        const start = end;
        end += count;
        if (wanted[i] !== true) return undefined;
        const range = { axes: [1], starts: [start], ends: [end] };
        return nodes.slice(`d_input_${i}`, dOutput, range);
      });
      return { inputs: gradients, tensors: new Map() };
    },
  };
};
