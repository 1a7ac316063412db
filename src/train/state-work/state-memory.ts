import { kernelMemory } from '../../kernels/kernels.js';
import type { TrainingState } from '../../state/training-state.js';
import { normBlockLength } from '../clip.js';

/** Arrays start at multiples of this (a cache line). */
const alignment = 64;

/** At the memory's start, for the thread: one block of a gradient. */
const blockBytes = normBlockLength * Float32Array.BYTES_PER_ELEMENT;

/** Parameters, two moments, and the best parameters. */
const numArrays = 4;

/** What another thread needs to go on with a memory where this one is. */
export interface MemoryPlace {
  readonly memory: WebAssembly.Memory;
  readonly length: number;
  readonly used: number;
}

/**
 * The memory of one state, which kernels and other threads reach: room for four arrays of a length. It is not given back array by array;
 * it goes with the last of them.
 */
export class StateMemory {
  readonly #memory: WebAssembly.Memory;
  readonly #length: number;
  /** Bytes that are given away. */
  #used: number;

  constructor({ memory, length, used }: MemoryPlace) {
    this.#memory = memory;
    this.#length = length;
    this.#used = used;
  }

  /** Zeros. Throws a RangeError if they are more than `fits` says. */
  static ofLength(length: number): StateMemory {
    const memory = kernelMemory(bytesOf(length));
    return new StateMemory({ memory, length, used: blockBytes });
  }

  /** Whether an address of 32 bits reaches all of the arrays. */
  static fits(length: number): boolean {
    return bytesOf(length) <= 2 ** 32;
  }

  get place(): MemoryPlace {
    return { memory: this.#memory, length: this.#length, used: this.#used };
  }

  get buffer(): SharedArrayBuffer {
    return this.#memory.buffer;
  }

  /** Where the thread puts one block of a gradient. */
  get block(): Float32Array {
    return new Float32Array(this.buffer, 0, normBlockLength);
  }

  /** One of the four arrays; anything longer or shorter is no part of this state. */
  allocate(length: number): Float32Array {
    const end = this.#used + aligned(length);
    if (length !== this.#length || end > bytesOf(this.#length)) {
      throw new RangeError(
        `The memory of ${numArrays} arrays of ${this.#length} values has no room for ${length} values.`,
      );
    }
    const values = new Float32Array(this.buffer, this.#used, length);
    this.#used = end;
    return values;
  }

  /** Takes over a state that another thread put here, of which `used` bytes are given away now: the same arrays, as this thread sees them. */
  adopt(state: TrainingState, used: number): TrainingState {
    this.#used = used;
    const { best } = state;
    return {
      ...state,
      parameters: this.#here(state.parameters),
      firstMoments: this.#here(state.firstMoments),
      secondMoments: this.#here(state.secondMoments),
      best: best === null ? null : { ...best, parameters: this.#here(best.parameters) },
    };
  }

  #here(values: Float32Array): Float32Array {
    return values.length === this.#length
      ? new Float32Array(this.buffer, values.byteOffset, values.length)
      : values;
  }
}

function bytesOf(length: number): number {
  return blockBytes + numArrays * aligned(length);
}

function aligned(length: number): number {
  return Math.ceil((length * Float32Array.BYTES_PER_ELEMENT) / alignment) * alignment;
}
