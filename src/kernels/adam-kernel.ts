import type { WasmFunction } from './assembler.js';
import { add, divide, fused, multiply, squareRoot, subtract } from './lanes.js';
import { loopFunction } from './loop.js';

/** Which of adamRange's ways (train/optimizers/adam.ts) is taken: the same for all elements of an update. */
export interface AdamWay {
  /** Whether there is a weight decay in the gradient. */
  readonly hasL2: boolean;
  /** Whether the first moment's interpolation starts from the moment, else from the gradient. */
  readonly fromMoment: boolean;
}

export function adamName({ hasL2, fromMoment }: AdamWay): string {
  return `adam ${hasL2 ? 'l2' : 'plain'} from ${fromMoment ? 'moment' : 'gradient'}`;
}

/** Numbers of the kernel, in order: those of AdamScalars. */
export const adamNumbers = [
  'l2',
  'shrink',
  'lerpCoefficient',
  'squareDecay',
  'squareWeight',
  'biasCorrection2Root',
  'epsilon',
  'negativeStepSize',
] as const;

const arrays = ['gradients', 'parameters', 'firstMoments', 'secondMoments'] as const;

/** Line by line adamRange of train/optimizers/adam.ts, which says where the lines come from. */
function adamKernel(way: AdamWay): WasmFunction {
  return loopFunction(
    { name: adamName(way), arrays, numbers: adamNumbers },
    ({ load, store, keep, numbers }) => {
      const { l2, shrink, lerpCoefficient, squareDecay, squareWeight } = numbers;
      const { biasCorrection2Root, epsilon, negativeStepSize } = numbers;
      const given = load('gradients');
      const old = load('parameters');
      const gradient = way.hasL2 ? keep(fused(given, l2, old)) : given;
      const parameter = multiply(old, shrink.f32);
      const before = load('firstMoments');
      const difference = keep(subtract(gradient, before));
      const from = way.fromMoment ? before : gradient;
      const first = keep(fused(from, lerpCoefficient, difference));
      store('firstMoments', first);
      const decayed = keep(multiply(load('secondMoments'), squareDecay.f32));
      const weighted = keep(multiply(squareWeight.f32, gradient));
      const second = keep(fused(decayed, weighted, gradient));
      store('secondMoments', second);
      const denominator = add(divide(squareRoot(second), biasCorrection2Root.f32), epsilon.f32);
      const step = divide(multiply(negativeStepSize.f32, first), denominator);
      store('parameters', add(parameter, step));
      return undefined;
    },
  );
}

export const adamKernels: readonly WasmFunction[] = [true, false].flatMap((hasL2) =>
  [true, false].map((fromMoment) => adamKernel({ hasL2, fromMoment })),
);
