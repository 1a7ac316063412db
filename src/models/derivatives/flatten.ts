import type { SimpleLayer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** The same values in another shape, forward and backward. */
export const flattenRule: Rule<SimpleLayer> = (context, [input]) => {
  const { inputShapes, outputShape, numShards, rowsPerShard } = context;
  const nodes = new LayerNodes(context);
  const numRows = numShards * rowsPerShard;
  return {
    output: nodes.reshape('output', input!, [numRows, ...outputShape]),
    backward: (dOutput) => ({
      inputs: [nodes.reshape('d_input', dOutput, [numRows, ...inputShapes[0]!])],
      tensors: new Map(),
    }),
  };
};
