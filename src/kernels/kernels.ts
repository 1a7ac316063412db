import { adamKernels } from './adam-kernel.js';
import { assembleModule, maxPages } from './assembler.js';
import { sgdKernels } from './sgd-kernel.js';
import { vectorKernels } from './vector-kernels.js';

/** Bytes of a page of WebAssembly memory. */
const pageBytes = 65_536;

let compiled: WebAssembly.Module | undefined;

/** Compiled once a thread: some KB. */
function kernelModule(): WebAssembly.Module {
  const functions = [...vectorKernels, ...adamKernels, ...sgdKernels];
  return (compiled ??= new WebAssembly.Module(assembleModule(functions)));
}

/**
 * Memory for kernels, zeros, shared between threads. Pages that nobody writes to take no room. Throws a RangeError on more than 4 GiB.
 */
export function kernelMemory(numBytes: number): WebAssembly.Memory {
  const pages = Math.ceil(numBytes / pageBytes);
  if (pages > maxPages) throw new RangeError(`${numBytes} bytes are more than 4 GiB.`);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

type Kernel = (...parameters: number[]) => number | readonly number[] | undefined;

/** The elements of an array that kernels take, a multiple of four; the others, at most three, are the caller's. */
export function wholeFours(numElements: number): number {
  return numElements - (numElements % 4);
}

/** The kernels on one memory: each does what a loop in plain JavaScript does, with the same bits, about ten times as fast. */
export class Kernels {
  readonly #functions: Readonly<Record<string, Kernel>>;

  constructor(memory: WebAssembly.Memory) {
    const instance = new WebAssembly.Instance(kernelModule(), { env: { memory } });
    this.#functions = instance.exports as Record<string, Kernel>;
  }

  /**
   * Calls a kernel by name. The arrays are views of the memory; of each, the first {@link wholeFours} of `numElements` are taken.
   */
  run(
    name: string,
    arrays: readonly Float32Array[],
    numElements: number,
    numbers: readonly number[] = [],
  ): ReturnType<Kernel> {
    const kernel = this.#functions[name];
    if (kernel === undefined) throw new RangeError(`There is no kernel ${name}.`);
    const addresses = arrays.map(({ byteOffset }) => byteOffset);
    return kernel(...addresses, wholeFours(numElements), ...numbers);
  }
}
