import type { Conv2dLayer } from '../../network.js';
import { LayerNodes } from '../layer-nodes.js';
import type { LayerForward, Rule, RuleContext } from '../rule.js';
import { lowerAsChannelMatrices } from './channel-matrices.js';
import { chooseLowering, type ConvLowering } from './choose-lowering.js';
import { convGeometry } from './geometry.js';
import type { ConvOperands, LoweredConv } from './lowered-conv.js';
import { lowerAsRows } from './rows.js';
import { lowerAsWindows } from './windows.js';

/**
 * y[n, k, p] = sum_ct W[k, c, t] x[n, c, s p + d t - pad] + b[k] (PyTorch's nn.Conv2d: strides s, dilations d, groups of channels). Of
 * several ways to compute it and its gradients the fastest for its sizes is taken, the same for any number of shards.
 */
export const convRule: Rule<Conv2dLayer> = (context, inputs) =>
  lowerConv(context, inputs[0]!, chooseLowering(convGeometry(context)));

/** The rule in one given way, which must be possible for the layer's sizes. */
export function lowerConv(
  context: RuleContext<Conv2dLayer>,
  input: string,
  lowering: ConvLowering,
): LayerForward {
  const { layer } = context;
  const { output, backward } = lowered(lowering, {
    nodes: new LayerNodes(context),
    geometry: convGeometry(context),
    input,
    weight: context.tensor('weight'),
    bias: layer.bias ? context.tensor('bias') : undefined,
    sumsShards: context.sumsShards,
  });
  return {
    output,
    backward: (dOutput, [wantsInput]) => {
      const gradients = backward(dOutput, {
        input: wantsInput === true,
        weight: context.isTrained('weight'),
        bias: layer.bias && context.isTrained('bias'),
      });
      const tensors = new Map<string, string>();
      if (gradients.weight !== undefined) tensors.set('weight', gradients.weight);
      if (gradients.bias !== undefined) tensors.set('bias', gradients.bias);
      return { inputs: [gradients.input], tensors };
    },
  };
}

function lowered(lowering: ConvLowering, operands: ConvOperands): LoweredConv {
  switch (lowering.kind) {
    case 'rows':
      return lowerAsRows(operands);
    case 'channelMatrices':
      return lowerAsChannelMatrices(operands);
    case 'windows':
      return lowerAsWindows(operands, lowering.input, lowering.filter);
  }
}
