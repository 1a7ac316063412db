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
  readonly #buffers = new Set<ArrayBuffer>();
  readonly #maxSpareBytes: number;
  #spareBytes = 0;

  constructor(maxSpareBytes = MAX_SPARE_BYTES) {
    this.#maxSpareBytes = maxSpareBytes;
  }

  /** An array of a length, with any values in it. */
  take(length: number): Float32Array<ArrayBuffer> {
    return this.takeSpare(length) ?? new Float32Array(length);
  }

  /** As `take`, unless there is none. It is all of its buffer, so that it can be given to another thread. */
  takeSpare(length: number): Float32Array<ArrayBuffer> | undefined {
    const values = this.#spare.get(length)?.pop();
    if (values === undefined) return undefined;
    this.#buffers.delete(values.buffer);
    this.#spareBytes -= values.byteLength;
    return values;
  }

  /**
   * Nobody reads the array, or a view of it, any more. Shared memory is not kept. Throws a RangeError on an array that is here already,
   * and on a part of one: whoever has the rest would see it overwritten.
   */
  give(values: Float32Array): void {
    const { length, byteLength, buffer } = values;
    if (!isOrdinary(values)) return;
    if (byteLength !== buffer.byteLength) {
      throw new RangeError(`${length} elements of an array of ${buffer.byteLength / 4} are given.`);
    }
    if (this.#buffers.has(values.buffer)) {
      throw new RangeError(`An array of ${length} elements is given twice.`);
    }
    if (length < MIN_ELEMENTS || this.#spareBytes + byteLength > this.#maxSpareBytes) return;
    const ofLength = this.#spare.get(length) ?? [];
    this.#spare.set(length, ofLength);
    ofLength.push(values);
    this.#buffers.add(values.buffer);
    this.#spareBytes += byteLength;
  }
}

function isOrdinary(values: Float32Array): values is Float32Array<ArrayBuffer> {
  return values.buffer instanceof ArrayBuffer;
}
