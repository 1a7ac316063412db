import type { BatchNormLayer, Conv2dLayer } from '../network.js';
import { floatsOf, type TensorSet } from '../weights/tensor-set.js';

/** Batch norm in evaluation mode as one multiplication and addition per channel, in float64. */
export interface ChannelAffine {
  readonly scale: Float64Array;
  readonly shift: Float64Array;
}

/**
 * y = (x - mean) / sqrt(var + epsilon) * weight + bias  =  x * scale + shift, with
 * scale = weight / sqrt(var + epsilon) and shift = bias - mean * scale.
 */
export function batchNormAffine(layer: BatchNormLayer, tensors: TensorSet): ChannelAffine {
  const weight = floatsOf(tensors, `${layer.name}.weight`);
  const bias = floatsOf(tensors, `${layer.name}.bias`);
  const mean = floatsOf(tensors, `${layer.name}.running_mean`);
  const variance = floatsOf(tensors, `${layer.name}.running_var`);
  const scale = Float64Array.from(weight, (w, c) => w / Math.sqrt(variance[c]! + layer.epsilon));
  const shift = Float64Array.from(bias, (b, c) => b - mean[c]! * scale[c]!);
  return { scale, shift };
}

/** A convolution's weight and bias with what follows it folded in: computed in float64, stored in float32. */
export function foldIntoConv(
  conv: Conv2dLayer,
  tensors: TensorSet,
  affine: ChannelAffine,
): { weight: Float32Array; bias: Float32Array } {
  const weight = floatsOf(tensors, `${conv.name}.weight`);
  const bias = conv.bias ? floatsOf(tensors, `${conv.name}.bias`) : undefined;
  const perChannel = weight.length / conv.outChannels;
  const folded = new Float32Array(weight.length);
  for (let channel = 0; channel < conv.outChannels; channel++) {
    const scale = affine.scale[channel]!;
    const end = (channel + 1) * perChannel;
    for (let i = channel * perChannel; i < end; i++) folded[i] = weight[i]! * scale;
  }
  return {
    weight: folded,
    bias: Float32Array.from(
      affine.shift,
      (shift, c) => shift + (bias?.[c] ?? 0) * affine.scale[c]!,
    ),
  };
}
