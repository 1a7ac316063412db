import type { AdamSpec } from '../config/run-spec.js';

/** What Adam moves, all of the same length. */
export interface AdamTensors {
  readonly parameters: Float32Array;
  readonly firstMoments: Float32Array;
  readonly secondMoments: Float32Array;
}

/** float32 has its rounding written out, one for each operation; float64 arithmetic in between would be other bits. */
const f32 = Math.fround;

/**
 * One update of PyTorch's Adam (torch/optim/adam.py, `_single_tensor_adam`; no weight decay, no amsgrad) in place, on
 * float32 tensors with double scalars. `step` counts updates from 1 since the moments were fresh; the learning rate is
 * this step's. Each line of PyTorch's is one line here, and rounds where its CPU kernels round. Two of them use fused
 * multiply-adds: the product of two float32 is exact in a double, so `f32(a + b * c)` is that operation (but for the
 * one case in about 2^29 where rounding to double first decides a tie).
 */
export function adamUpdate(
  tensors: AdamTensors,
  gradients: Float32Array,
  step: number,
  learningRate: number,
  { beta1, beta2, epsilon }: Pick<AdamSpec, 'beta1' | 'beta2' | 'epsilon'>,
): void {
  const { parameters, firstMoments, secondMoments } = tensors;
  const numParameters = parameters.length;
  // ATen/native/cpu/LerpKernel.cpp starts from the nearer end, so that a weight of 1 gives exactly the end.
  const lerpWeight = f32(1 - beta1);
  const fromStart = lerpWeight < 0.5;
  const lerpCoefficient = fromStart ? lerpWeight : f32(lerpWeight - 1);
  const decay = f32(beta2);
  const squareWeight = f32(1 - beta2);
  const biasCorrection2Root = f32(Math.sqrt(1 - beta2 ** step));
  const epsilon32 = f32(epsilon);
  const negativeStepSize = f32(-(learningRate / (1 - beta1 ** step)));

  for (let i = 0; i < numParameters; i += 1) {
    const gradient = gradients[i]!;
    // exp_avg.lerp_(grad, 1 - beta1)
    const before = firstMoments[i]!;
    const first = f32((fromStart ? before : gradient) + lerpCoefficient * f32(gradient - before));
    firstMoments[i] = first;
    // exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    const second = f32(f32(secondMoments[i]! * decay) + f32(squareWeight * gradient) * gradient);
    secondMoments[i] = second;
    // denom = (exp_avg_sq.sqrt() / bias_correction2 ** 0.5).add_(eps)
    const denominator = f32(f32(f32(Math.sqrt(second)) / biasCorrection2Root) + epsilon32);
    // param.addcdiv_(exp_avg, denom, value=-step_size)
    parameters[i] = f32(parameters[i]! + f32(f32(negativeStepSize * first) / denominator));
  }
}
