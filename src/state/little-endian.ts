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

/**
 * The numbers as float64, every NaN with the bits 0x7ff8000000000000. Which bits a computed NaN has depends on the
 * machine, and copying a signalling one may change them; equal numbers must have equal bytes.
 */
export function float64Of(numbers: readonly number[]): Float64Array {
  const values = Float64Array.from(numbers);
  const bits = new BigUint64Array(values.buffer);
  for (let i = 0; i < values.length; i += 1) if (Number.isNaN(values[i])) bits[i] = canonicalNaN;
  return values;
}

const canonicalNaN = 0x7ff8000000000000n;

/** The inverse of {@link littleEndianBytes}: fills `values` from the bytes at `offset` on, of any alignment. Gives `values`. */
export function readFloat32(bytes: Uint8Array, offset: number, values: Float32Array): Float32Array {
  read(bytes, offset, values);
  return values;
}

/** `length` values from `offset` on, which may be a view of the bytes: they are to be read only. */
export function float32View(bytes: Uint8Array, offset: number, length: number): Float32Array {
  const at = bytes.byteOffset + offset;
  return bigEndianHost || at % Float32Array.BYTES_PER_ELEMENT !== 0
    ? readFloat32(bytes, offset, new Float32Array(length))
    : new Float32Array(bytes.buffer, at, length);
}

/** As {@link readFloat32}, for `length` values of float64 in an array of their own. */
export function float64From(bytes: Uint8Array, offset: number, length: number): Float64Array {
  const values = new Float64Array(length);
  read(bytes, offset, values);
  return values;
}

function read(bytes: Uint8Array, offset: number, values: Float32Array | Float64Array): void {
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = values;
  const given = bytes.subarray(offset, offset + byteLength);
  new Uint8Array(buffer, byteOffset, byteLength).set(
    bigEndianHost ? swapped(given, BYTES_PER_ELEMENT) : given,
  );
}

function swapped(bytes: Uint8Array, width: number): Uint8Array<ArrayBuffer> {
  const copy = Buffer.from(bytes);
  return Uint8Array.from(width === 4 ? copy.swap32() : copy.swap64());
}
