import { filterGradient, type FilterGradientLowering } from './filter-gradient.js';
import { inputGradient, type InputGradientLowering } from './input-gradient.js';
import {
  biasGradient,
  errorsByShard,
  type ConvOperands,
  type LoweredConv,
} from './lowered-conv.js';

/** A convolution by onnxruntime's Conv, image by image, and its gradients in the ways that are given. */
export function lowerAsWindows(
  operands: ConvOperands,
  byInput: InputGradientLowering,
  byFilter: FilterGradientLowering,
): LoweredConv {
  const { nodes, geometry, input, weight, bias } = operands;
  const { kernel, stride, dilation, groups, pads } = geometry;
  const inputs = bias === undefined ? [input, weight] : [input, weight, bias];
  return {
    output: nodes.node('Conv', 'output', inputs, {
      kernel_shape: kernel,
      strides: stride,
      dilations: dilation,
      pads,
      group: groups,
    }),
    backward: (dOutput, wanted) => {
      const errors_SKR =
        wanted.weight || wanted.bias ? errorsByShard(operands, dOutput) : undefined;
      const dBias = (errors: string): string =>
        biasGradient(operands, nodes.transpose('errors_SRK', errors, [0, 2, 1]));
      return {
        input: wanted.input ? inputGradient(operands, dOutput, byInput) : undefined,
        weight:
          wanted.weight && errors_SKR !== undefined
            ? filterGradient(operands, errors_SKR, byFilter)
            : undefined,
        bias: wanted.bias && errors_SKR !== undefined ? dBias(errors_SKR) : undefined,
      };
    },
  };
}
