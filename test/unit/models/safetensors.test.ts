import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { decodeSafetensors, encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';

const tensors = new Map<string, StoredTensor>([
  ['conv.weight', { shape: [2, 1, 1, 2], data: Float32Array.of(1, -2.5, 3e-8, 4) }],
  ['bn.num_batches_tracked', { shape: [], data: BigInt64Array.of(7n) }],
  ['empty', { shape: [0, 3], data: new Float32Array(0) }],
]);

/** A file with the given header, whatever it says, and data. */
function fileOf(header: unknown, data: Uint8Array): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, data]);
}

function messageOf(bytes: Uint8Array): string {
  try {
    decodeSafetensors(bytes, 'w.safetensors');
  } catch (error) {
    expect(error).toBeInstanceOf(FtctlError);
    expect((error as FtctlError).code).toBe('FT_WEIGHTS_DAMAGED');
    return (error as FtctlError).message;
  }
  return 'no error';
}

const prefix = 'w.safetensors is no intact safetensors file. ';

test('what is written is read back, with its metadata and order', () => {
  const bytes = encodeSafetensors(tensors, { format: 'pt' });
  const file = decodeSafetensors(bytes, 'w');
  expect([...file.tensors]).toEqual([...tensors]);
  expect([...file.metadata]).toEqual([['format', 'pt']]);
  // The tensors start at a multiple of 8, as the format recommends.
  expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0);
});

test('half, bfloat16 and double precision are converted to float32', () => {
  const data = Buffer.concat([
    // float16: 1.5, -2^-24 (the smallest subnormal), 65504 (the largest), -0, infinity
    Buffer.from(Uint16Array.of(0x3e00, 0x8001, 0x7bff, 0x8000, 0x7c00).buffer),
    // bfloat16: 1, -3.140625
    Buffer.from(Uint16Array.of(0x3f80, 0xc049).buffer),
    Buffer.from(Float64Array.of(0.1, -1e300).buffer),
  ]);
  const header = {
    half: { dtype: 'F16', shape: [5], data_offsets: [0, 10] },
    brain: { dtype: 'BF16', shape: [2], data_offsets: [10, 14] },
    double: { dtype: 'F64', shape: [2], data_offsets: [14, 30] },
  };
  const { tensors: read } = decodeSafetensors(fileOf(header, data), 'w');
  expect([...read.get('half')!.data]).toEqual([1.5, -(2 ** -24), 65504, -0, Infinity]);
  expect([...read.get('brain')!.data]).toEqual([1, -3.140625]);
  expect([...read.get('double')!.data]).toEqual([Math.fround(0.1), -Infinity]);
});

describe('a damaged file is refused with what is wrong', () => {
  const f32 = (shape: unknown, offsets: unknown) => ({
    dtype: 'F32',
    shape,
    data_offsets: offsets,
  });
  const eight = new Uint8Array(8);
  const cases: [string, Uint8Array, string][] = [
    ['short', Buffer.from('abc'), "It has 3 bytes; the header's length alone takes 8."],
    [
      'a header length over the file',
      Buffer.concat([Buffer.from(BigUint64Array.of(2n ** 63n).buffer), Buffer.from('{}')]),
      'Its header would have 9223372036854775808 bytes, and at most 2 can be there.',
    ],
    ['no JSON', fileOf('{"a":', eight), 'Its header is no JSON.'],
    ['a list', fileOf([], eight), 'Its header is no JSON object.'],
    [
      'bytes left over',
      fileOf({ a: f32([1], [0, 4]) }, eight),
      '4 bytes at its end belong to no tensor.',
    ],
    [
      'an end outside of the file',
      fileOf({ a: f32([4], [0, 16]) }, eight),
      'Tensor a lies at bytes 0 to 16; it must start at 0 and end by 8.',
    ],
    [
      'an overlap',
      fileOf({ a: f32([1], [0, 4]), b: f32([2], [0, 8]) }, eight),
      'Tensor b lies at bytes 0 to 8; it must start at 4 and end by 8.',
    ],
    [
      'a hole',
      fileOf({ a: f32([1], [4, 8]) }, eight),
      'Tensor a lies at bytes 4 to 8; it must start at 0 and end by 8.',
    ],
    [
      'a size that does not fit the shape',
      fileOf({ a: f32([3], [0, 8]) }, eight),
      'Tensor a of shape [3] and type F32 takes 12 bytes, its entry gives it 8.',
    ],
    [
      'a type that is not for weights',
      fileOf({ a: { dtype: 'C64', shape: [8], data_offsets: [0, 8] } }, eight),
      'Tensor a has the type C64; ftctl reads F32, F16, BF16, F64, I64, I32, I16, I8, U8, BOOL.',
    ],
    ['a negative size', fileOf({ a: f32([-2], [0, 8]) }, eight), 'Its entry for "a" is malformed.'],
    [
      'a fractional offset',
      fileOf({ a: f32([2], [0, 8.5]) }, eight),
      'Its entry for "a" is malformed.',
    ],
    [
      'an unknown field',
      fileOf({ a: { ...f32([2], [0, 8]), x: 1 } }, eight),
      'Its entry for "a" is malformed.',
    ],
    [
      'metadata that are no text',
      fileOf({ __metadata__: { a: 1 } }, new Uint8Array(0)),
      'Its metadata are malformed.',
    ],
  ];
  for (const [name, bytes, why] of cases) {
    test(name, () => {
      expect(messageOf(bytes)).toBe(prefix + why);
    });
  }
});

test('a duplicate name leaves a hole and is refused', () => {
  const entry = (begin: number) =>
    `"a":{"dtype":"F32","shape":[1],"data_offsets":[${begin},${begin + 4}]}`;
  const bytes = fileOf(`{${entry(0)},${entry(4)}}`, new Uint8Array(8));
  expect(messageOf(bytes)).toBe(
    `${prefix}Tensor a lies at bytes 4 to 8; it must start at 0 and end by 8.`,
  );
});

test('a file with any bytes changed, cut or added is read or refused, never anything else', () => {
  const intact = encodeSafetensors(tensors, { format: 'pt' });
  const edit = fc.record({
    at: fc.nat(intact.length - 1),
    bytes: fc.uint8Array({ maxLength: 12 }),
    remove: fc.nat(12),
  });
  fc.assert(
    fc.property(
      fc.array(edit, { minLength: 1, maxLength: 4 }),
      fc.nat(intact.length),
      (edits, cut) => {
        let bytes: Uint8Array = intact;
        for (const { at, bytes: added, remove } of edits) {
          bytes = Buffer.concat([bytes.subarray(0, at), added, bytes.subarray(at + remove)]);
        }
        if (cut % 3 === 0) bytes = bytes.subarray(0, cut);
        try {
          const read = decodeSafetensors(bytes, 'w');
          const numBytes = [...read.tensors.values()].reduce(
            (sum, { data }) => sum + data.byteLength,
            0,
          );
          expect(numBytes).toBeLessThanOrEqual(bytes.length * 2);
        } catch (error) {
          expect(error).toBeInstanceOf(FtctlError);
          expect((error as FtctlError).code).toBe('FT_WEIGHTS_DAMAGED');
        }
      },
    ),
    { numRuns: 2000 },
  );
});
