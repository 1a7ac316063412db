import type { RandomSource } from './random-source.js';

/** Numbers at which size checks go wrong. */
export const interesting = [
  ...[0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff],
  ...[0x80000000, 0xfffffffe, 0xffffffff, 2 ** 32, 2 ** 40, 2 ** 53 - 1, 2 ** 53, 2 ** 62, 2 ** 63],
];

/** Bytes of a number, little-endian, cut to `size`. */
export function littleEndian(value: number, size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes.subarray(0, size);
}

type Mutation = (bytes: Buffer, random: RandomSource, others: readonly Buffer[]) => Buffer;

const cut = (bytes: Buffer, random: RandomSource): [number, number] => {
  const begin = random.below(bytes.length + 1);
  const length = random.below(Math.min(bytes.length - begin, 1 << random.below(12)) + 1);
  return [begin, begin + length];
};

const mutations: readonly Mutation[] = [
  function flipBit(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
    return bytes;
  },
  function setByte(bytes, random) {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.below(256);
    return bytes;
  },
  function setNumber(bytes, random) {
    const number = littleEndian(random.pick(interesting), random.pick([1, 2, 4, 8]));
    const at = random.below(Math.max(1, bytes.length - number.length + 1));
    if (at + number.length <= bytes.length) number.copy(bytes, at);
    return bytes;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length + 1));
  },
  function remove(bytes, random) {
    const [begin, end] = cut(bytes, random);
    return Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)]);
  },
  function repeat(bytes, random) {
    const [begin, end] = cut(bytes, random);
    const part = bytes.subarray(begin, end);
    const times = 1 + random.below(1 << random.below(6));
    return Buffer.concat([
      bytes.subarray(0, end),
      ...Array<Buffer>(times).fill(part),
      bytes.subarray(end),
    ]);
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length + 1);
    const part = Buffer.from(Array.from({ length: 1 + random.below(16) }, () => random.below(256)));
    return Buffer.concat([bytes.subarray(0, at), part, bytes.subarray(at)]);
  },
  function splice(bytes, random, others) {
    const other = random.pick(others);
    const [begin, end] = cut(other, random);
    const at = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, at), other.subarray(begin, end), bytes.subarray(at)]);
  },
];

/** Bytes with one to four changes that know nothing of any format. */
export function mutateBytes(
  bytes: Buffer,
  random: RandomSource,
  others: readonly Buffer[] = [bytes],
): Buffer {
  let mutated = Buffer.from(bytes);
  const count = 1 + random.below(4);
  for (let i = 0; i < count; i++)
    mutated = Buffer.from(random.pick(mutations)(mutated, random, others));
  return mutated;
}
