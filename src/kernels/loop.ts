import type { Code, ValueType, WasmFunction } from './assembler.js';
import { code, type F32x4, f32x4, f64x2, type Scalar } from './lanes.js';

/** What is done to four neighbouring elements of each array. */
export interface Loop<Name extends string, Number extends string> {
  readonly numbers: Readonly<Record<Number, Scalar>>;
  /** Reads an array's four values, now; what is given back may be used often. */
  readonly load: (array: Name) => F32x4;
  readonly store: (array: Name, value: F32x4) => void;
  /** Computes a value now; what is given back may be used often. */
  readonly keep: (value: F32x4) => F32x4;
  /** A variable that starts as zeros and goes on from one four elements to the next: its value, and how to set it. */
  readonly running: () => { readonly get: Code; readonly set: (value: Code) => void };
}

export interface LoopShape<Name extends string, Number extends string> {
  readonly name: string;
  /** Parameters of the function: the address of each array's first element, in bytes, ... */
  readonly arrays: readonly Name[];
  /** ... how many elements there are, a multiple of four, and numbers. */
  readonly numbers: readonly Number[];
}

/** What a function gives back, computed after the last elements. */
export interface LoopResult {
  readonly types: readonly ValueType[];
  readonly code: Code;
}

/** A function that does the same to four elements after four. */
export function loopFunction<Name extends string, Number extends string>(
  { name, arrays, numbers }: LoopShape<Name, Number>,
  body: (loop: Loop<Name, Number>) => LoopResult | undefined,
): WasmFunction {
  const parameters: ValueType[] = [
    ...arrays.map(() => 'i32' as const),
    'i32',
    ...numbers.map(() => 'f32' as const),
  ];
  const locals: ValueType[] = [];
  const variable = (type: ValueType): number => parameters.length + locals.push(type) - 1;
  const before: number[] = [];
  const scalarOf = (index: number): Scalar => {
    const value = code.getLocal(arrays.length + 1 + index);
    const single = variable('v128');
    const double = variable('v128');
    before.push(...value, ...code.splatFloat, ...code.setLocal(single));
    before.push(...value, ...code.promote, ...code.splatDouble, ...code.setLocal(double));
    return { f32: f32x4(code.getLocal(single)), f64: f64x2(code.getLocal(double)) };
  };
  const scalars = Object.fromEntries(numbers.map((number, index) => [number, scalarOf(index)]));
  const inside: number[] = [];
  const keep = (value: Code): F32x4 => {
    const index = variable('v128');
    inside.push(...value, ...code.setLocal(index));
    return f32x4(code.getLocal(index));
  };
  const result = body({
    numbers: scalars as Record<Number, Scalar>,
    load: (array) => keep(code.load(arrays.indexOf(array))),
    store: (array, value) => {
      inside.push(...code.store(arrays.indexOf(array), value.code));
    },
    keep: (value) => keep(value.code),
    running: () => {
      const index = variable('v128');
      return {
        get: code.getLocal(index),
        set: (value) => {
          inside.push(...value, ...code.setLocal(index));
        },
      };
    },
  });
  const loop = overElements(arrays.length, variable('i32'), inside);
  return {
    ...{ name, parameters, locals, results: result?.types ?? [] },
    code: [...before, ...loop, ...(result?.code ?? [])],
  };
}

/** `inside` for each four elements: the first parameters are the arrays' addresses, which move along, the next one the number. */
function overElements(numArrays: number, end: number, inside: Code): Code {
  const moved = (address: number, bytes: Code): Code => [
    ...[...code.getLocal(address), ...bytes, ...code.addInteger],
  ];
  const numBytes = [...code.getLocal(numArrays), ...code.constant(2), ...code.shiftLeft];
  const steps = Array.from({ length: numArrays }, (_, address) => [
    ...moved(address, code.constant(16)),
    ...code.setLocal(address),
  ]);
  return [
    ...[...moved(0, numBytes), ...code.setLocal(end)],
    ...code.loopWhile(
      [...code.getLocal(0), ...code.getLocal(end), ...code.isBelow],
      [...inside, ...steps.flat()],
    ),
  ];
}
