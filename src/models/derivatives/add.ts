import type { SimpleLayer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** y = a + b; da = db = dy. */
export const addRule: Rule<SimpleLayer> = (context, inputs) => {
  const nodes = new LayerNodes(context);
  return {
    output: nodes.node('Add', 'output', inputs),
    backward: (dOutput, wanted) => ({
      inputs: wanted.map((isWanted) => (isWanted ? dOutput : undefined)),
      tensors: new Map(),
    }),
  };
};
