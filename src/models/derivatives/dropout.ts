import type { Layer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

type Dropout = Extract<Layer, { kind: 'dropout' }>;

/** Inverted dropout: y = x * mask, dx = dy * mask, where the mask is 0 or 1 / (1 - p) (data/dropout-mask.ts); in evaluation y = x. */
export const dropoutRule: Rule<Dropout> = (context, [input]) => {
  if (!context.isTraining || context.layer.probability === 0) {
    return {
      output: input!,
      backward: (dOutput) => ({ inputs: [dOutput], tensors: new Map() }),
    };
  }
  const nodes = new LayerNodes(context);
  const mask = context.dropoutMask();
  return {
    output: nodes.node('Mul', 'output', [input!, mask]),
    backward: (dOutput) => ({
      inputs: [nodes.node('Mul', 'd_input', [dOutput, mask])],
      tensors: new Map(),
    }),
  };
};
