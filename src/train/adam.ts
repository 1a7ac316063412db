import type { AdamSpec } from '../config/run-spec.js';

/** What Adam moves. `steps` is the number of this update, counted from 1 since the moments were fresh. */
export interface AdamTensors {
  readonly parameters: Float32Array;
  readonly firstMoments: Float32Array;
  readonly secondMoments: Float32Array;
}

/**
 * One update of PyTorch's Adam (torch/optim/adam.py, `_single_tensor_adam`, no weight decay, no amsgrad) on float32
 * tensors with double scalars, in place. Each line of PyTorch's is one line here and rounds where its CPU kernels
 * round (ATen/native/cpu: LerpKernel, PointwiseOpsKernel), that is, once for each fused multiply-add: the product of
 * two float32 is exact in a double, so `fround(a + b * c)` is that fused operation.
 */
export function adamUpdate(
  tensors: AdamTensors,
  gradients: Float32Array,
  step: number,
  learningRate: number,
  spec: Pick<AdamSpec, 'beta1' | 'beta2' | 'epsilon'>,
): void {
  const { parameters, firstMoments, secondMoments } = tensors;
  const round = Math.fround;
  const lerpWeight = round(1 - spec.beta1);
  const beta2 = round(spec.beta2);
  const squareWeight = round(1 - spec.beta2);
  const biasCorrection2Root = round(Math.sqrt(1 - spec.beta2 ** step));
  const epsilon = round(spec.epsilon);
  const stepSize = round(-(learningRate / (1 - spec.beta1 ** step)));

  for (let i = 0; i < parameters.length; i += 1) {
    const gradient = gradients[i]!;
    // exp_avg.lerp_(grad, 1 - beta1)
    const before = firstMoments[i]!;
    const first = lerp(before, gradient, lerpWeight);
    firstMoments[i] = first;
    // exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    const second = round(
      round(secondMoments[i]! * beta2) + round(squareWeight * gradient) * gradient,
    );
    secondMoments[i] = second;
    // denom = (exp_avg_sq.sqrt() / bias_correction2 ** 0.5).add_(eps)
    const denominator = round(round(round(Math.sqrt(second)) / biasCorrection2Root) + epsilon);
    // param.addcdiv_(exp_avg, denom, value=-step_size)
    parameters[i] = round(parameters[i]! + round(round(stepSize * first) / denominator));
  }
}

/** ATen/native/Lerp.h: the formula depends on the weight, so that a weight of 1 gives the end exactly. */
function lerp(start: number, end: number, weight: number): number {
  const distance = Math.fround(end - start);
  return weight < 0.5
    ? Math.fround(start + weight * distance)
    : Math.fround(end - distance * Math.fround(1 - weight));
}
