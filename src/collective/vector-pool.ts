/** Shorter arrays are left to the garbage collector: they are no burden to it. */
const MIN_ELEMENTS = 16_384;

/** Spare arrays are kept up to so many bytes: what all members but one send one of them in a round of a large network. */
const MAX_SPARE_BYTES = 2 ** 30;

/**
 * Arrays for the parts of long vectors, to be used again. A round of a whole resnet18 needs some 100 MB of them; given to the
 * garbage collector they make it stop the event loop for tens of milliseconds, in each round.
 */
export class VectorPool {
  readonly #spare = new Map<number, Float32Array<ArrayBuffer>[]>();
  #spareBytes = 0;

  /** An array of a length, with any values in it. */
  take(length: number): Float32Array<ArrayBuffer> {
    return this.takeSpare(length) ?? new Float32Array(length);
  }

  /** As `take`, unless there is none. It is all of its buffer, so that it can be given to another thread. */
  takeSpare(length: number): Float32Array<ArrayBuffer> | undefined {
    const values = this.#spare.get(length)?.pop();
    if (values !== undefined) this.#spareBytes -= values.byteLength;
    return values;
  }

  /** Nobody reads the array, or a view of it, any more. */
  give(values: Float32Array): void {
    const { length, byteLength } = values;
    if (length < MIN_ELEMENTS || this.#spareBytes + byteLength > MAX_SPARE_BYTES) return;
    if (!isWhole(values)) return;
    const ofLength = this.#spare.get(length) ?? [];
    this.#spare.set(length, ofLength);
    ofLength.push(values);
    this.#spareBytes += byteLength;
  }
}

function isWhole(values: Float32Array): values is Float32Array<ArrayBuffer> {
  return values.buffer instanceof ArrayBuffer && values.byteLength === values.buffer.byteLength;
}
