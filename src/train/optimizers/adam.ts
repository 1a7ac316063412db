import type { AdamSpec } from '../../config/phase-spec.js';
import type { ElementRange, OptimizerTensors, UpdatePlace } from './tensors.js';

/** float32 has its rounding written out, one for each operation; float64 arithmetic in between would be other bits. */
const f32 = Math.fround;

/** An update's numbers that are the same for all elements. All of them are float32 values. */
export interface AdamScalars {
  readonly type: 'adam';
  /** `adam`: the weight decay, added to the gradient times the parameter; 0: not at all. */
  readonly l2: number;
  /** `adamw`: what parameters are multiplied by before they move; 1: not at all. */
  readonly shrink: number;
  /** Of the first moment's interpolation: whether it starts from the moment (else from the gradient), and its coefficient. */
  readonly fromMoment: boolean;
  readonly lerpCoefficient: number;
  /** beta2 and 1 - beta2. */
  readonly squareDecay: number;
  readonly squareWeight: number;
  /** sqrt(1 - beta2^step). */
  readonly biasCorrection2Root: number;
  readonly epsilon: number;
  /** -(learningRate / (1 - beta1^step)). */
  readonly negativeStepSize: number;
}

/** The double-precision part of `_single_tensor_adam` (torch/optim/adam.py), each number rounded where it meets a tensor. */
export function adamScalars(
  { type, beta1, beta2, epsilon }: Pick<AdamSpec, 'type' | 'beta1' | 'beta2' | 'epsilon'>,
  { step, learningRate, weightDecay }: UpdatePlace,
): AdamScalars {
  // ATen/native/cpu/LerpKernel.cpp starts from the nearer end, so that a weight of 1 gives exactly the end.
  const lerpWeight = f32(1 - beta1);
  const fromMoment = lerpWeight < 0.5;
  return {
    type: 'adam',
    l2: type === 'adam' ? f32(weightDecay) : 0,
    shrink: type === 'adamw' ? f32(1 - learningRate * weightDecay) : 1,
    fromMoment,
    lerpCoefficient: fromMoment ? lerpWeight : f32(lerpWeight - 1),
    squareDecay: f32(beta2),
    squareWeight: f32(1 - beta2),
    biasCorrection2Root: f32(Math.sqrt(1 - beta2 ** step)),
    epsilon: f32(epsilon),
    negativeStepSize: f32(-(learningRate / (1 - beta1 ** step))),
  };
}

/**
 * One update of PyTorch's Adam or AdamW (torch/optim/adam.py, `_single_tensor_adam`; no amsgrad) in place, on float32 tensors.
 * Each line of PyTorch's is one line here, and rounds where its CPU kernels round. Three of them use fused multiply-adds: the
 * product of two float32 is exact in a double, so `f32(a + b * c)` is that operation (but for the one case in about 2^29 where
 * rounding to double first decides a tie).
 */
export function adamRange(
  { parameters, firstMoments, secondMoments }: OptimizerTensors,
  gradients: Float32Array,
  { gradientOffset, parameterOffset, length }: ElementRange,
  scalars: AdamScalars,
): void {
  const { l2, shrink, fromMoment, lerpCoefficient, squareDecay, squareWeight } = scalars;
  const { biasCorrection2Root, epsilon, negativeStepSize } = scalars;
  for (let k = 0; k < length; k += 1) {
    const i = parameterOffset + k;
    const given = gradients[gradientOffset + k]!;
    const old = parameters[i]!;
    // adam:  grad = grad.add(param, alpha=weight_decay)
    const gradient = l2 === 0 ? given : f32(given + l2 * old);
    // adamw: param.mul_(1 - lr * weight_decay)
    const parameter = f32(old * shrink);
    // exp_avg.lerp_(grad, 1 - beta1)
    const before = firstMoments[i]!;
    const first = f32((fromMoment ? before : gradient) + lerpCoefficient * f32(gradient - before));
    firstMoments[i] = first;
    // exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    const second = f32(
      f32(secondMoments[i]! * squareDecay) + f32(squareWeight * gradient) * gradient,
    );
    secondMoments[i] = second;
    // denom = (exp_avg_sq.sqrt() / bias_correction2 ** 0.5).add_(eps)
    const denominator = f32(f32(f32(Math.sqrt(second)) / biasCorrection2Root) + epsilon);
    // param.addcdiv_(exp_avg, denom, value=-step_size)
    parameters[i] = f32(parameter + f32(f32(negativeStepSize * first) / denominator));
  }
}
