import { elementTypes, isElementType, readBytes } from '../element-types.js';
import { FormatError } from '../format-error.js';
import { numElements } from '../../tensor-specs.js';
import type { StoredTensor } from '../tensor-set.js';
import type { TensorRef } from './tensor-ref.js';

/** Whether the elements lie one after the other, row-major; a side of 1 may have any stride. */
function isContiguous(shape: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== step) return false;
    step *= shape[axis]!;
  }
  return true;
}

/** Copies the elements of `size` bytes, in row-major order of `shape`, out of where the strides say they are. */
function gather(
  source: Uint8Array,
  size: number,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): Uint8Array {
  const count = numElements(shape);
  const out = new Uint8Array(count * size);
  const index = new Array<number>(shape.length).fill(0);
  let from = offset;
  for (let i = 0; i < count; i++) {
    for (let b = 0; b < size; b++) out[i * size + b] = source[from * size + b]!;
    // Counts up like an odometer.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** Bytes that a tensor takes once it is read. Throws FormatError where its type cannot be read. */
export function bytesInMemory(name: string, tensor: TensorRef): number {
  const { type, shape } = tensor;
  if (!isElementType(type)) {
    throw new FormatError(
      `tensor ${name} has the type ${type}; ftctl reads ${Object.keys(elementTypes).join(', ')}`,
      {
        remedy: type.startsWith('complex')
          ? "The networks that ftctl has are of real numbers: use another network's file."
          : 'Convert it in Python: `torch.save({k: v.float() for k, v in state_dict.items()}, PATH)`.',
      },
    );
  }
  return numElements(shape) * readBytes(type);
}

/**
 * Reads a tensor out of its storage's bytes. `name` is for messages. Throws FormatError where it reaches beyond the storage.
 */
export function readTensor(name: string, tensor: TensorRef, storage: Uint8Array): StoredTensor {
  const { type, shape, strides } = tensor;
  if (!isElementType(type)) throw new FormatError(`tensor ${name} has the type ${type}`);
  const { bytes: size, values } = elementTypes[type];
  const count = numElements(shape);
  const offset = tensor.storage.offset + tensor.offset;
  const last = shape.reduce((sum, side, axis) => sum + (side - 1) * strides[axis]!, offset);
  if (count > 0 && (last + 1) * size > storage.length) {
    throw new FormatError(`tensor ${name} reaches beyond its storage of ${storage.length} bytes`);
  }
  if (count === 0) return { shape, data: values(new Uint8Array()) };
  const packed = isContiguous(shape, strides)
    ? storage.subarray(offset * size, (offset + count) * size)
    : gather(storage, size, offset, shape, strides);
  return { shape, data: values(packed) };
}
