import {
  bfloat16Values,
  float16Values,
  float32Values,
  float64Values,
  int16Values,
  int32Values,
  int64Values,
  int8Values,
  uint8Values,
} from './float-formats.js';
import type { StoredTensor } from './tensor-set.js';

/** The element types that are read, by PyTorch's names; all little-endian. */
export const elementTypes = {
  float32: { bytes: 4, values: float32Values },
  float16: { bytes: 2, values: float16Values },
  bfloat16: { bytes: 2, values: bfloat16Values },
  float64: { bytes: 8, values: float64Values },
  int64: { bytes: 8, values: int64Values },
  int32: { bytes: 4, values: int32Values },
  int16: { bytes: 2, values: int16Values },
  int8: { bytes: 1, values: int8Values },
  uint8: { bytes: 1, values: uint8Values },
  bool: { bytes: 1, values: uint8Values },
} as const satisfies Record<
  string,
  { bytes: number; values: (bytes: Uint8Array) => StoredTensor['data'] }
>;

export type ElementType = keyof typeof elementTypes;

export function isElementType(name: string): name is ElementType {
  return Object.hasOwn(elementTypes, name);
}

/** Bytes that a value of the type takes once it is read: floats become float32, integers int64. */
export function readBytes(type: ElementType): number {
  return type.startsWith('float') || type === 'bfloat16' ? 4 : 8;
}
