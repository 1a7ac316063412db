import type { WasmFunction } from './assembler.js';
import {
  add,
  addDoubles,
  code,
  differs,
  divide,
  f32x4,
  f64x2,
  firstTwo,
  i32x4,
  lastTwo,
  max,
  min,
  multiply,
  multiplyDoubles,
  subtract,
  subtractIntegers,
} from './lanes.js';
import { loopFunction } from './loop.js';

/** out = left + right (collective/tree.ts). */
export const addKernel = loopFunction(
  { name: 'add', arrays: ['out', 'left', 'right'], numbers: [] },
  ({ load, store }) => {
    store('out', add(load('left'), load('right')));
    return undefined;
  },
);

/** values = values / by. */
export const divideKernel = loopFunction(
  { name: 'divide', arrays: ['values'], numbers: ['by'] },
  ({ load, store, numbers: { by } }) => {
    store('values', divide(load('values'), by.f32));
    return undefined;
  },
);

/** values = max(low, min(high, values * scale)): clipRange of train/clip.ts. */
export const limitKernel = loopFunction(
  { name: 'limit', arrays: ['values'], numbers: ['scale', 'low', 'high'] },
  ({ load, store, numbers: { scale, low, high } }) => {
    store('values', max(low.f32, min(high.f32, multiply(load('values'), scale.f32))));
    return undefined;
  },
);

/** How many values are NaN or infinite: countNotFinite of train/checks.ts. */
export const countNotFiniteKernel = loopFunction(
  { name: 'countNotFinite', arrays: ['values'], numbers: [] },
  ({ load, running }) => {
    const counts = running();
    const values = load('values');
    const bad = differs(subtract(values, values), f32x4(code.zeros));
    counts.set(subtractIntegers(i32x4(counts.get), bad).code);
    const [first, ...others] = [0, 1, 2, 3].map((lane) => code.integerLane(counts.get, lane));
    const sum = [...first!, ...others.flatMap((lane) => [...lane, ...code.addInteger])];
    return { types: ['i32'], code: sum };
  },
);

/** Sums of squares in double precision, element k in sum k mod 4: sumOfSquares of train/clip.ts before its last line. */
export const sumOfSquaresKernel = loopFunction(
  { name: 'sumOfSquares', arrays: ['values'], numbers: [] },
  ({ load, running }) => {
    const values = load('values');
    const sums = [firstTwo, lastTwo].map((half) => {
      const sum = running();
      const two = half(values);
      sum.set(addDoubles(f64x2(sum.get), multiplyDoubles(two, two)).code);
      return sum.get;
    });
    const lanes = sums.flatMap((sum) => [0, 1].map((lane) => code.doubleLane(sum, lane)));
    return { types: ['f64', 'f64', 'f64', 'f64'], code: lanes.flat() };
  },
);

export const vectorKernels: readonly WasmFunction[] = [
  addKernel,
  divideKernel,
  limitKernel,
  countNotFiniteKernel,
  sumOfSquaresKernel,
];
