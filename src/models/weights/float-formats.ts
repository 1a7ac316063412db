/** Widening of the float formats that weights come in. All little-endian, to float32. */

/** IEEE half precision: 1 sign, 5 exponent (bias 15), 10 fraction bits. Exact. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads each element of `bytesPerElement` bytes with `read` into a new array. */
function convert(
  bytes: Uint8Array,
  bytesPerElement: number,
  read: (view: DataView, offset: number) => number,
): Float32Array {
  const view = viewOf(bytes);
  const out = new Float32Array(bytes.length / bytesPerElement);
  for (let i = 0; i < out.length; i++) out[i] = read(view, i * bytesPerElement);
  return out;
}

/** A copy at an aligned address; the bytes may start anywhere. (Not `slice`: of a Buffer, that is no copy.) */
export function float32Values(bytes: Uint8Array): Float32Array {
  return new Float32Array(new Uint8Array(bytes).buffer);
}

export function float16Values(bytes: Uint8Array): Float32Array {
  return convert(bytes, 2, (view, offset) => float16ToNumber(view.getUint16(offset, true)));
}

/** bfloat16 is the upper half of a float32. Exact. */
export function bfloat16Values(bytes: Uint8Array): Float32Array {
  const view = viewOf(bytes);
  const bits = new Uint32Array(bytes.length / 2);
  for (let i = 0; i < bits.length; i++) bits[i] = view.getUint16(i * 2, true) << 16;
  return new Float32Array(bits.buffer);
}

/** Rounded to the nearest float32. */
export function float64Values(bytes: Uint8Array): Float32Array {
  return convert(bytes, 8, (view, offset) => view.getFloat64(offset, true));
}

export function int64Values(bytes: Uint8Array): BigInt64Array {
  return new BigInt64Array(new Uint8Array(bytes).buffer);
}

/** Integers of other types, widened. `read` gives one element. */
function widen(
  bytes: Uint8Array,
  bytesPerElement: number,
  read: (view: DataView, offset: number) => number,
): BigInt64Array {
  const view = viewOf(bytes);
  const out = new BigInt64Array(bytes.length / bytesPerElement);
  for (let i = 0; i < out.length; i++) out[i] = BigInt(read(view, i * bytesPerElement));
  return out;
}

export function int8Values(bytes: Uint8Array): BigInt64Array {
  return widen(bytes, 1, (view, offset) => view.getInt8(offset));
}

/** Also booleans, a byte each. */
export function uint8Values(bytes: Uint8Array): BigInt64Array {
  return widen(bytes, 1, (view, offset) => view.getUint8(offset));
}

export function int16Values(bytes: Uint8Array): BigInt64Array {
  return widen(bytes, 2, (view, offset) => view.getInt16(offset, true));
}

export function int32Values(bytes: Uint8Array): BigInt64Array {
  return widen(bytes, 4, (view, offset) => view.getInt32(offset, true));
}
