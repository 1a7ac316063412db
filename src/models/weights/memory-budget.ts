import { FormatError } from './format-error.js';

/**
 * Bytes in memory for each byte of a file: 8 is a byte read as int64, and as much again is left for storages that are shared and
 * entries that are packed. A small file may have much air in it.
 */
const maxExpansion = 16;
const freeBytes = 16 * 1024 * 1024;

/** As much as the largest file that is read (2 GiB) takes where each of its values has 16 bits. */
const maxTotalBytes = 4 * 1024 ** 3;

/**
 * What may be made of a file of weights in memory: all that is inflated, read or copied of it is charged here before it is
 * allocated, so that a small file cannot take much memory, whatever it says, nor a large one more than a fixed amount.
 */
export class MemoryBudget {
  readonly #maxBytes: number;
  #fileBytes: number;
  #chargedBytes = 0;

  /** `fileBytes`: the size of the file. */
  constructor(fileBytes: number, maxBytes = maxTotalBytes) {
    this.#fileBytes = fileBytes;
    this.#maxBytes = maxBytes;
  }

  /** Bytes that may still be charged. */
  get bytesLeft(): number {
    const limit = freeBytes + maxExpansion * this.#fileBytes;
    return Math.min(this.#maxBytes, limit) - this.#chargedBytes;
  }

  /** Counts a further file that belongs to the first. */
  addFile(numBytes: number): void {
    this.#fileBytes += numBytes;
  }

  /** Throws FormatError where so many bytes are too many; `what` takes them. */
  charge(numBytes: number, what: string): void {
    if (!(numBytes <= this.bytesLeft)) {
      throw new FormatError(`${what} take far more bytes than the file has`);
    }
    this.#chargedBytes += numBytes;
  }
}
