import { safetensorsHeader } from '../models/weights/safetensors.js';

/** Files that hold one float32 array in row-major order: a header, then the values, little-endian. */
export type ArrayFormat = 'npy' | 'safetensors';

/** The tensor's name in a safetensors file. */
const tensorName = 'features';

/** The header of a file of an array of that shape. `metadata` goes into a safetensors file; .npy has no place for any. */
export function arrayHeader(
  format: ArrayFormat,
  shape: readonly number[],
  metadata: Readonly<Record<string, string>>,
): Buffer {
  return format === 'npy'
    ? npyHeader(shape)
    : safetensorsHeader([[tensorName, { dtype: 'F32', shape }]], metadata);
}

/** https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0: the data start at a multiple of 64. */
function npyHeader(shape: readonly number[]): Buffer {
  const tuple = shape.length === 1 ? `(${shape[0]!},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': ${tuple}, }`;
  const before = 10; // magic, version, and the length of what follows
  const length = Math.ceil((before + text.length + 1) / 64) * 64 - before;
  const header = Buffer.alloc(before + length, ' ');
  header.write('\x93NUMPY\x01\x00', 0, 'latin1');
  header.writeUInt16LE(length, 8);
  header.write(text, before, 'latin1');
  header.write('\n', before + length - 1, 'latin1');
  return header;
}
