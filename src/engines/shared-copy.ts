/** Whether an array can be read by other threads as it is. */
function isShared(values: Float32Array): boolean {
  return values.buffer instanceof SharedArrayBuffer;
}

/**
 * Large arrays for another thread, without a copy in each message: what is in shared memory is sent as it is, anything else is copied to
 * shared memory that the next call uses again.
 */
export class SharedCopy {
  #shared: Float32Array = new Float32Array(0);

  of(values: Float32Array): Float32Array {
    if (isShared(values)) {
      this.#shared = new Float32Array(0);
      return values;
    }
    if (this.#shared.length !== values.length) {
      this.#shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
    }
    this.#shared.set(values);
    return this.#shared;
  }
}

/** The other end: onnxruntime refuses tensors over shared memory, so that they are copied once, to memory that the next call uses again. */
export class OwnCopy {
  #own: Float32Array = new Float32Array(0);

  of(values: Float32Array): Float32Array {
    if (!isShared(values)) return values;
    if (this.#own.length !== values.length) this.#own = new Float32Array(values.length);
    this.#own.set(values);
    return this.#own;
  }
}
