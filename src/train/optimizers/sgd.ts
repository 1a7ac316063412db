import type { SgdSpec } from '../../config/phase-spec.js';
import type { ElementRange, OptimizerTensors, UpdatePlace } from './tensors.js';

/** float32 has its rounding written out, one for each operation; float64 arithmetic in between would be other bits. */
const f32 = Math.fround;

/** An update's numbers that are the same for all elements. The numbers are float32 values. */
export interface SgdScalars {
  readonly type: 'sgd';
  /** The weight decay, added to the gradient times the parameter; 0: not at all. */
  readonly l2: number;
  /** 0: no buffer. */
  readonly momentum: number;
  /** 1 - dampening. */
  readonly gradientWeight: number;
  readonly nesterov: boolean;
  /** The first update since the moments were fresh: the buffer becomes the gradient, whatever the dampening. */
  readonly isFirst: boolean;
  readonly negativeRate: number;
}

export function sgdScalars(
  { momentum, dampening, nesterov }: Pick<SgdSpec, 'momentum' | 'dampening' | 'nesterov'>,
  { step, learningRate, weightDecay }: UpdatePlace,
): SgdScalars {
  return {
    type: 'sgd',
    l2: f32(weightDecay),
    momentum: f32(momentum),
    gradientWeight: f32(1 - dampening),
    nesterov,
    isFirst: step === 1,
    negativeRate: f32(-learningRate),
  };
}

/**
 * One update of PyTorch's SGD (torch/optim/sgd.py, `_single_tensor_sgd`) in place, on float32 tensors; the momentum buffer is the first
 * moments. `add` with an alpha is one fused multiply-add in PyTorch's CPU kernels: the product of two float32 is exact in a double, so
 * `f32(a + b * c)` is that operation (but for the one case in about 2^29 where rounding to double first decides a tie).
 */
export function sgdRange(
  { parameters, firstMoments }: OptimizerTensors,
  gradients: Float32Array,
  { gradientOffset, parameterOffset, length }: ElementRange,
  { l2, momentum, gradientWeight, nesterov, isFirst, negativeRate }: SgdScalars,
): void {
  for (let k = 0; k < length; k += 1) {
    const i = parameterOffset + k;
    const given = gradients[gradientOffset + k]!;
    const parameter = parameters[i]!;
    // grad = grad.add(param, alpha=weight_decay)
    let gradient = l2 === 0 ? given : f32(given + l2 * parameter);
    if (momentum !== 0) {
      // buf = grad.clone() at first, then buf.mul_(momentum).add_(grad, alpha=1 - dampening)
      const buffer = isFirst
        ? gradient
        : f32(f32(firstMoments[i]! * momentum) + gradientWeight * gradient);
      firstMoments[i] = buffer;
      // nesterov: grad = grad.add(buf, alpha=momentum), else grad = buf
      gradient = nesterov ? f32(gradient + momentum * buffer) : buffer;
    }
    // param.add_(grad, alpha=-lr)
    parameters[i] = f32(parameter + negativeRate * gradient);
  }
}
