import type { WasmFunction } from './assembler.js';
import { fused, multiply } from './lanes.js';
import { loopFunction } from './loop.js';

/** Which of sgdRange's ways (train/optimizers/sgd.ts) is taken: the same for all elements of an update. */
export interface SgdWay {
  readonly hasL2: boolean;
  /** No momentum buffer; its first update; a later one. */
  readonly buffer: 'none' | 'first' | 'later';
  readonly nesterov: boolean;
}

export function sgdName({ hasL2, buffer, nesterov }: SgdWay): string {
  return `sgd ${hasL2 ? 'l2' : 'plain'} ${buffer}${nesterov ? ' nesterov' : ''}`;
}

/** Numbers of the kernel, in order: those of SgdScalars. */
export const sgdNumbers = ['l2', 'momentum', 'gradientWeight', 'negativeRate'] as const;

const arrays = ['gradients', 'parameters', 'firstMoments'] as const;

/** Line by line sgdRange of train/optimizers/sgd.ts, which says where the lines come from. */
function sgdKernel(way: SgdWay): WasmFunction {
  return loopFunction(
    { name: sgdName(way), arrays, numbers: sgdNumbers },
    ({ load, store, keep, numbers: { l2, momentum, gradientWeight, negativeRate } }) => {
      const given = load('gradients');
      const parameter = load('parameters');
      let gradient = way.hasL2 ? keep(fused(given, l2, parameter)) : given;
      if (way.buffer !== 'none') {
        let buffer = gradient;
        if (way.buffer === 'later') {
          const kept = keep(multiply(load('firstMoments'), momentum.f32));
          buffer = keep(fused(kept, gradientWeight, gradient));
        }
        store('firstMoments', buffer);
        gradient = way.nesterov ? keep(fused(gradient, momentum, buffer)) : buffer;
      }
      store('parameters', fused(parameter, negativeRate, gradient));
      return undefined;
    },
  );
}

export const sgdKernels: readonly WasmFunction[] = [true, false].flatMap((hasL2) => [
  sgdKernel({ hasL2, buffer: 'none', nesterov: false }),
  ...(['first', 'later'] as const).flatMap((buffer) =>
    [true, false].map((nesterov) => sgdKernel({ hasL2, buffer, nesterov })),
  ),
]);
