import { type Code, signed, unsigned } from './assembler.js';

/*
 * Expressions over four float32 at a time: instructions that leave one value on the stack. A float32 operation here has the bits of
 * Math.fround of the same operation on doubles, since a double has more than twice a float32's bits and two more.
 */

/** Four float32 values. */
export interface F32x4 {
  readonly type: 'f32x4';
  readonly code: Code;
}

/** Two doubles. */
export interface F64x2 {
  readonly type: 'f64x2';
  readonly code: Code;
}

/** Four integers of 32 bits. */
export interface I32x4 {
  readonly type: 'i32x4';
  readonly code: Code;
}

/** A number that is the same for all elements, in all lanes of both kinds. */
export interface Scalar {
  readonly f32: F32x4;
  readonly f64: F64x2;
}

export const f32x4 = (code: Code): F32x4 => ({ type: 'f32x4', code });
export const f64x2 = (code: Code): F64x2 => ({ type: 'f64x2', code });
export const i32x4 = (code: Code): I32x4 => ({ type: 'i32x4', code });

const simd = (opcode: number): Code => [0xfd, ...unsigned(opcode)];

const shuffle = (lanes: readonly number[]): Code => [...simd(0x0d), ...lanes];

const binary =
  (opcode: number) =>
  (a: F32x4, b: F32x4): F32x4 =>
    f32x4([...a.code, ...b.code, ...simd(opcode)]);

export const add = binary(0xe4);
export const subtract = binary(0xe5);
export const multiply = binary(0xe6);
export const divide = binary(0xe7);
/** As Math.min and Math.max: -0 is below 0. */
export const min = binary(0xe8);
export const max = binary(0xe9);

export function squareRoot(a: F32x4): F32x4 {
  return f32x4([...a.code, ...simd(0xe3)]);
}

export function addDoubles(a: F64x2, b: F64x2): F64x2 {
  return f64x2([...a.code, ...b.code, ...simd(0xf0)]);
}

export function multiplyDoubles(a: F64x2, b: F64x2): F64x2 {
  return f64x2([...a.code, ...b.code, ...simd(0xf2)]);
}

/** The first two of four values, as doubles. */
export function firstTwo(a: F32x4): F64x2 {
  return f64x2([...a.code, ...simd(0x5f)]);
}

/** The last two. The operand's code is written twice, so it should be a variable. */
export function lastTwo(a: F32x4): F64x2 {
  const upper = [8, 9, 10, 11, 12, 13, 14, 15];
  return f64x2([...a.code, ...a.code, ...shuffle([...upper, ...upper]), ...simd(0x5f)]);
}

/** Four doubles, each rounded to float32. */
function rounded(first: F64x2, last: F64x2): F32x4 {
  const lowerOfBoth = [0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23];
  const demote = simd(0x5e);
  return f32x4([...first.code, ...demote, ...last.code, ...demote, ...shuffle(lowerOfBoth)]);
}

/** Math.fround(a + b * c). The operands' code is written more than once, so they should be variables. */
export function fused(a: F32x4, b: F32x4 | Scalar, c: F32x4): F32x4 {
  const half = (of: (values: F32x4) => F64x2): F64x2 =>
    addDoubles(of(a), multiplyDoubles('f64' in b ? b.f64 : of(b), of(c)));
  return rounded(half(firstTwo), half(lastTwo));
}

/** -1 where the values differ, else 0. NaN differs from itself. */
export function differs(a: F32x4, b: F32x4): I32x4 {
  return i32x4([...a.code, ...b.code, ...simd(0x42)]);
}

export function subtractIntegers(a: I32x4, b: I32x4): I32x4 {
  return i32x4([...a.code, ...b.code, ...simd(0xb1)]);
}

/** Instructions that are no operation on lanes. */
export const code = {
  getLocal: (index: number): Code => [0x20, ...unsigned(index)],
  setLocal: (index: number): Code => [0x21, ...unsigned(index)],
  /** Four values at the address in a local; any alignment will do. */
  load: (address: number): Code => [0x20, ...unsigned(address), ...simd(0x00), 0x02, 0x00],
  store: (address: number, value: Code): Code => [
    ...[0x20, ...unsigned(address)],
    ...value,
    ...simd(0x0b),
    ...[0x02, 0x00],
  ],
  splatFloat: simd(0x13),
  splatDouble: simd(0x14),
  promote: [0xbb],
  zeros: [...simd(0x0c), ...new Array<number>(16).fill(0)],
  integerLane: (values: Code, lane: number): Code => [...values, ...simd(0x1b), lane],
  doubleLane: (values: Code, lane: number): Code => [...values, ...simd(0x21), lane],
  constant: (value: number): Code => [0x41, ...signed(value)],
  addInteger: [0x6a],
  shiftLeft: [0x74],
  isBelow: [0x49],
  /** Does `inside` again and again as long as `condition` leaves a number that is not 0. */
  loopWhile: (condition: Code, inside: Code): Code => [
    // A block around a loop: out of the block where the condition is 0, else once more.
    ...[0x02, 0x40, 0x03, 0x40],
    ...[...condition, 0x45, 0x0d, 0x01],
    ...[...inside, 0x0c, 0x00],
    ...[0x0b, 0x0b],
  ],
} as const;
