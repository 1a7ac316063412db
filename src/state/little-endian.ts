import { endianness } from 'node:os';

const bigEndianHost = endianness() === 'BE';

/**
 * The values' bytes, least significant first: what is hashed and stored means the same on every machine. On a
 * little-endian machine this is a view of the same memory, not a copy.
 */
export function littleEndianBytes(values: Float32Array | Float64Array): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return bigEndianHost ? swapped(bytes, values.BYTES_PER_ELEMENT) : bytes;
}

/** The inverse: `length` values from `offset` on, copied, so that any alignment will do. */
export function float32From(bytes: Uint8Array, offset: number, length: number): Float32Array {
  return new Float32Array(copyOf(bytes, offset, length, 4));
}

/** As {@link float32From}, for float64. */
export function float64From(bytes: Uint8Array, offset: number, length: number): Float64Array {
  return new Float64Array(copyOf(bytes, offset, length, 8));
}

function copyOf(bytes: Uint8Array, offset: number, length: number, width: number): ArrayBuffer {
  const copy = new Uint8Array(length * width);
  copy.set(bytes.subarray(offset, offset + length * width));
  return (bigEndianHost ? swapped(copy, width) : copy).buffer;
}

function swapped(bytes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  return Uint8Array.from(width === 4 ? copy.swap32() : copy.swap64());
}
