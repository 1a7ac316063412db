import type { Layer, Network } from './network.js';

/** One tensor of a state dict: torchvision's name, its shape, and what it is. */
export interface TensorSpec {
  readonly name: string;
  readonly shape: readonly number[];
  /**
   * `parameter`: trainable, float32. `statistic`: batch norm's running mean or variance, float32.
   * `counter`: batch norm's `num_batches_tracked`, a scalar int64.
   */
  readonly role: 'parameter' | 'statistic' | 'counter';
}

/** A layer's tensors, in the order in which PyTorch lists them. */
export function layerTensors(layer: Layer): TensorSpec[] {
  const tensor = (
    suffix: string,
    shape: readonly number[],
    role: TensorSpec['role'] = 'parameter',
  ): TensorSpec => ({ name: `${layer.name}.${suffix}`, shape, role });
  switch (layer.kind) {
    case 'conv2d': {
      const { inChannels, outChannels, groups, kernel } = layer;
      const weight = tensor('weight', [outChannels, inChannels / groups, ...kernel]);
      return layer.bias ? [weight, tensor('bias', [outChannels])] : [weight];
    }
    case 'linear': {
      const weight = tensor('weight', [layer.outFeatures, layer.inFeatures]);
      return layer.bias ? [weight, tensor('bias', [layer.outFeatures])] : [weight];
    }
    case 'batchNorm':
      return [
        tensor('weight', [layer.channels]),
        tensor('bias', [layer.channels]),
        tensor('running_mean', [layer.channels], 'statistic'),
        tensor('running_var', [layer.channels], 'statistic'),
        tensor('num_batches_tracked', [], 'counter'),
      ];
    default:
      return [];
  }
}

/** The state dict of a network: torchvision's names, in torchvision's order. */
export function stateDictSpecs(network: Network): TensorSpec[] {
  return network.layers.flatMap(layerTensors);
}

/** Number of elements of a shape; 1 for a scalar. */
export function numElements(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}
