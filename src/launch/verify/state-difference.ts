import type { ParameterEntry } from '../../models/parameter-layout.js';
import type { TrainingState } from '../../state/training-state.js';
import type { StateLayout } from './state-layout.js';

/** The first value in which two training states differ. */
export interface StateDifference {
  /** Which vector of the state (`parameters`, `firstMoments`, ...); null for a number that is in none. */
  readonly vector: string | null;
  /** The tensor's name in the network; of a number its own, as `history.3.valLoss`. */
  readonly name: string;
  /** Place in the tensor, an index for each side; null for a number. */
  readonly index: readonly number[] | null;
  /** Of the first state and of the second. */
  readonly values: readonly [ComparedValue, ComparedValue];
}

/** A number with its bits: two of them may read the same and be others. Null: the state has none. */
export type ComparedValue = { readonly text: string; readonly bits: string } | null;

/** Vectors in the order in which they are compared, each with the layout of its tensors. */
const vectors = [
  ['parameters', 'parameters'],
  ['firstMoments', 'parameters'],
  ['secondMoments', 'parameters'],
  ['statistics', 'statistics'],
] as const;

/**
 * Where two states differ first, bit by bit: parameters, moments, running statistics, those of the best epoch, then all other
 * numbers. The running hash is left out: the ledgers say where it differs. Null where all are equal. Pure.
 */
export function firstStateDifference(
  first: TrainingState,
  second: TrainingState,
  layout: StateLayout,
): StateDifference | null {
  for (const [vector, tensors] of vectors) {
    const found = inVector(first[vector], second[vector], layout[tensors]);
    if (found !== null) return { vector, ...found };
  }
  if (first.best !== null && second.best !== null) {
    for (const vector of ['parameters', 'statistics'] as const) {
      const found = inVector(first.best[vector], second.best[vector], layout[vector]);
      if (found !== null) return { vector: `best.${vector}`, ...found };
    }
  }
  return inNumbers(first, second);
}

function inVector(
  first: Float32Array,
  second: Float32Array,
  tensors: readonly ParameterEntry[],
): Omit<StateDifference, 'vector'> | null {
  const [a, b] = [bitsOf(first), bitsOf(second)];
  const length = Math.max(a.length, b.length);
  for (let at = 0; at < length; at += 1) {
    if (a[at] === b[at]) continue;
    return {
      ...placeOf(at, tensors),
      values: [float32(first[at], a[at]), float32(second[at], b[at])],
    };
  }
  return null;
}

function bitsOf({ buffer, byteOffset, length }: Float32Array): Uint32Array {
  return new Uint32Array(buffer, byteOffset, length);
}

function placeOf(
  at: number,
  tensors: readonly ParameterEntry[],
): { name: string; index: readonly number[] } {
  const tensor = tensors.find(({ offset, length }) => at >= offset && at < offset + length);
  if (tensor === undefined) return { name: 'no tensor of the network', index: [at] };
  return { name: tensor.name, index: indexOf(at - tensor.offset, tensor.shape) };
}

/** Row-major: the last side runs fastest. */
function indexOf(at: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  let rest = at;
  for (const side of [...shape].reverse()) {
    index.unshift(rest % side);
    rest = Math.floor(rest / side);
  }
  return index;
}

function inNumbers(first: TrainingState, second: TrainingState): StateDifference | null {
  const [a, b] = [numbersOf(first), numbersOf(second)];
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const values = [float64(a.get(name)), float64(b.get(name))] as const;
    if (values[0]?.bits !== values[1]?.bits) return { vector: null, name, index: null, values };
  }
  return null;
}

/** Oldest first, so that an epoch that differs is named before what follows from it. */
function numbersOf(state: TrainingState): Map<string, number> {
  const { history, epochSums, best, test } = state;
  const groups: [string, object][] = [
    ...history.map((record, index): [string, object] => [`history.${index}.`, record]),
    ['epochSums.', epochSums],
    ...(test === null ? [] : [['test.', test] as [string, object]]),
    ...(best === null ? [] : [['best.', best] as [string, object]]),
    ['', state],
  ];
  return new Map(
    groups.flatMap(([prefix, group]) =>
      Object.entries(group).flatMap(([key, value]): [string, number][] =>
        typeof value === 'number' ? [[`${prefix}${key}`, value]] : [],
      ),
    ),
  );
}

function float32(value: number | undefined, bits: number | undefined): ComparedValue {
  if (value === undefined || bits === undefined) return null;
  return { text: textOf(value, 9), bits: bits.toString(16).padStart(8, '0') };
}

function float64(value: number | undefined): ComparedValue {
  if (value === undefined) return null;
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return { text: textOf(value, 17), bits: bytes.toString('hex') };
}

/** So many significant digits tell any two numbers of a type apart. */
function textOf(value: number, digits: number): string {
  return Object.is(value, -0) ? '-0' : String(Number(value.toPrecision(digits)));
}
