import type { AffineLayer } from '../network.js';
import { LayerNodes } from './layer-nodes.js';
import type { Rule } from './rule.js';

/** y = x * scale + shift for each channel, both constants; dx = dy * scale. */
export const affineRule: Rule<AffineLayer> = (context, [input]) => {
  const { layer } = context;
  const nodes = new LayerNodes(context);
  const dims = [layer.scale.length, 1, 1];
  const scale = nodes.constant('scale', dims, Float32Array.from(layer.scale));
  const shift = nodes.constant('shift', dims, Float32Array.from(layer.shift));
  const scaled = nodes.node('Mul', 'scaled', [input!, scale]);
  return {
    output: nodes.node('Add', 'output', [scaled, shift]),
    backward: (dOutput) => ({
      inputs: [nodes.node('Mul', 'd_input', [dOutput, scale])],
      tensors: new Map(),
    }),
  };
};
