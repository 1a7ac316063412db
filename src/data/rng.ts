/**
 * Randomness as a function: the n-th number of a stream depends on (seed, stream keys, n) alone, never on what was
 * drawn before, so that any worker can draw any number at any time. Threefry-2x32 with 20 rounds (Salmon, Moraes,
 * Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), in 32-bit integer operations only: the
 * same on every machine.
 */

/** Part of a stream's name. Numbers are integers in [-2^53, 2^53]. */
export type StreamKey = number | string;

// The two output words of the last block. Module-level, so that drawing allocates nothing.
let out0 = 0;
let out1 = 0;

/** Skein's key schedule parity constant, 32-bit form. */
const parity = 0x1bd11bda;

/** One Threefry-2x32-20 block: key (k0, k1), counter (c0, c1) -> (out0, out1). Rotations from table 3 of the paper. */
function threefry(k0: number, k1: number, c0: number, c1: number): void {
  const k2 = parity ^ k0 ^ k1;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  for (let group = 1; group <= 5; group += 1) {
    if ((group & 1) === 1) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    }
    const place = group % 3;
    x0 = (x0 + (place === 0 ? k0 : place === 1 ? k1 : k2)) | 0;
    x1 = (x1 + (place === 0 ? k1 : place === 1 ? k2 : k0) + group) | 0;
  }
  out0 = x0;
  out1 = x1;
}

/** The raw block function, for known-answer tests: two key words, two counter words -> two words. */
export function threefry2x32(
  key: readonly [number, number],
  counter: readonly [number, number],
): [number, number] {
  threefry(key[0] | 0, key[1] | 0, counter[0] | 0, counter[1] | 0);
  return [out0 >>> 0, out1 >>> 0];
}

/**
 * Folds keys into 64 bits, left in (out0, out1). Each key is encoded with its type and length, so that no two lists
 * of keys give the same words: ('ab', 'c') differs from ('a', 'bc'), and 1 from '1'.
 */
function foldKeys(keys: readonly StreamKey[]): void {
  out0 = 0;
  out1 = 0;
  let position = 0;
  for (const key of keys) {
    if (typeof key === 'number') {
      if (!Number.isSafeInteger(key)) throw new RangeError(`Stream key ${key} is no safe integer.`);
      threefry(out0, out1, 1, position++);
      threefry(out0, out1, key | 0, position++);
      threefry(out0, out1, Math.floor(key / 2 ** 32) | 0, position++);
    } else {
      threefry(out0, out1, 2, position++);
      threefry(out0, out1, key.length, position++);
      for (let i = 0; i < key.length; i += 2) {
        const high = i + 1 < key.length ? key.charCodeAt(i + 1) : 0;
        threefry(out0, out1, key.charCodeAt(i) | (high << 16), position++);
      }
    }
  }
}

/** A 32-bit hash of a list of keys, unsigned. Well mixed; not for secrets. */
export function hash32(...keys: readonly StreamKey[]): number {
  foldKeys(keys);
  return out0 >>> 0;
}

/** One stream of random numbers, named by a seed and keys; `index` counts from 0, in any order. */
export class CounterRng {
  readonly #key0: number;
  readonly #key1: number;

  constructor(seed: number, ...streamKeys: readonly StreamKey[]) {
    foldKeys([seed, ...streamKeys]);
    this.#key0 = out0;
    this.#key1 = out1;
  }

  /** The index-th integer, uniform in [0, 2^32). */
  uint32(index: number): number {
    threefry(this.#key0, this.#key1, index | 0, Math.floor(index / 2 ** 32) | 0);
    return out0 >>> 0;
  }

  /** The index-th number, uniform in [0, 1), a multiple of 2^-53. */
  uniform(index: number): number {
    threefry(this.#key0, this.#key1, index | 0, Math.floor(index / 2 ** 32) | 0);
    // 27 bits and 26 bits: every step is exact in a double.
    return ((out0 >>> 5) * 2 ** 26 + (out1 >>> 6)) / 2 ** 53;
  }

  /**
   * Fills an array with words, uniform over all 32 bits: both words of the blocks 0, 1, 2 and so on, of the counters (index, 1). So they
   * are other numbers than those of {@link uint32} and {@link uniform}. For many numbers at once.
   */
  fillWords(words: Int32Array): void {
    fillWithBlocks(words, this.#key0, this.#key1);
  }
}

/** {@link threefry} of the counters (0, 1), (1, 1) and so on, unrolled: several times as fast as a call for each block. */
function fillWithBlocks(words: Int32Array, k0: number, k1: number): void {
  const k2 = parity ^ k0 ^ k1;
  const numPairs = words.length >> 1;
  for (let pair = 0; pair < numPairs; pair += 1) {
    let x0 = (pair + k0) | 0;
    let x1 = (1 + k1) | 0;
    // group 1
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    x0 = (x0 + k1) | 0;
    x1 = (x1 + k2 + 1) | 0;
    // group 2
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    x0 = (x0 + k2) | 0;
    x1 = (x1 + k0 + 2) | 0;
    // group 3
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    x0 = (x0 + k0) | 0;
    x1 = (x1 + k1 + 3) | 0;
    // group 4
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    x0 = (x0 + k1) | 0;
    x1 = (x1 + k2 + 4) | 0;
    // group 5
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
    x0 = (x0 + x1) | 0;
    x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    words[2 * pair] = x0 + k2;
    words[2 * pair + 1] = x1 + k0 + 5;
  }
  if (words.length % 2 === 1) {
    threefry(k0, k1, numPairs, 1);
    words[2 * numPairs] = out0;
  }
}

/**
 * A permutation of 0..n-1, each of the n! equally likely (as far as the seed's bits go): Fisher-Yates with bounded
 * integers drawn by rejection.
 */
export function permutation(
  n: number,
  seed: number,
  ...streamKeys: readonly StreamKey[]
): Int32Array {
  const rng = new CounterRng(seed, ...streamKeys);
  const items = Int32Array.from({ length: n }, (_, i) => i);
  let cursor = 0;
  for (let last = n - 1; last > 0; last -= 1) {
    const choices = last + 1;
    // Draws at or above the largest multiple of `choices` would favour the small remainders.
    const limit = 2 ** 32 - (2 ** 32 % choices);
    let draw = rng.uint32(cursor++);
    while (draw >= limit) draw = rng.uint32(cursor++);
    const other = draw % choices;
    const kept = items[last]!;
    items[last] = items[other]!;
    items[other] = kept;
  }
  return items;
}
