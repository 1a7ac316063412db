import protobuf from 'protobufjs/light.js';
import type { ExternalPlace } from './external-values.js';
import { FormatError } from './format-error.js';

/**
 * TensorProto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), read off the wire in two passes: what it says of itself,
 * and then, once that is known to be sound, its numbers into arrays of the size that its shape has. Whatever a file holds, the first
 * pass takes no memory for it.
 */

export const tensorFields = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int64Data: 7,
  name: 8,
  rawData: 9,
  externalData: 13,
  dataLocation: 14,
} as const;

const maxDimensions = 8;
const bytesWireType = 2;

export interface OnnxTensorHeader {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly raw: Uint8Array | undefined;
  /** Numbers in float_data and int64_data. */
  readonly numFloats: number;
  readonly numInt64s: number;
  readonly external: ExternalPlace | undefined;
}

/** Calls `field` with each field's number; it reads the field, or gives false to have it passed over. */
export function readFields(
  reader: protobuf.Reader,
  end: number,
  field: (id: number, wireType: number) => boolean,
): void {
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!field(tag >>> 3, tag & 7)) reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new FormatError('its fields do not fit into each other');
}

/** The end of the message that comes next, which must lie inside of the outer one. */
export function messageEnd(reader: protobuf.Reader, outer: number): number {
  const length = reader.uint32();
  const end = reader.pos + length;
  if (end > outer) throw new FormatError('its fields do not fit into each other');
  return end;
}

/** Reads a repeated number, packed or not. */
function readNumbers(
  reader: protobuf.Reader,
  wireType: number,
  end: number,
  one: () => void,
): void {
  if (wireType !== bytesWireType) {
    one();
    return;
  }
  const last = messageEnd(reader, end);
  while (reader.pos < last) one();
}

function toBigInt(value: unknown): bigint {
  // protobufjs gives a Long, or a number where the library long is not there.
  if (typeof value === 'number') return BigInt(value);
  const { low, high } = value as { low: number; high: number };
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}

function readSide(reader: protobuf.Reader, numBefore: number): number {
  const side = Number(toBigInt(reader.int64()));
  if (numBefore === maxDimensions || !Number.isSafeInteger(side) || side < 0) {
    throw new FormatError('a tensor has no valid shape');
  }
  return side;
}

/** A tensor's message without its numbers. Throws FormatError, or what protobufjs throws where it is no message. */
export function readTensorHeader(message: Uint8Array): OnnxTensorHeader {
  const reader = protobuf.Reader.create(message);
  const end = message.length;
  const dims: number[] = [];
  let name = '';
  let dataType = 0;
  let raw: Uint8Array | undefined;
  let external: Record<string, string> | undefined;
  let numFloats = 0;
  let numInt64s = 0;
  readFields(reader, end, (id, wireType) => {
    switch (id) {
      case tensorFields.dims:
        readNumbers(reader, wireType, end, () => dims.push(readSide(reader, dims.length)));
        return true;
      case tensorFields.dataType:
        dataType = reader.int32();
        return true;
      case tensorFields.floatData:
        readNumbers(reader, wireType, end, () => {
          reader.skip(4);
          numFloats += 1;
        });
        return true;
      case tensorFields.int64Data:
        readNumbers(reader, wireType, end, () => {
          reader.skip();
          numInt64s += 1;
        });
        return true;
      case tensorFields.name:
        name = reader.string();
        return true;
      case tensorFields.rawData:
        raw = reader.bytes();
        return true;
      case tensorFields.externalData: {
        external ??= {};
        const [key, value] = readKeyValue(reader, messageEnd(reader, end));
        // Of other keys there could be any number.
        if (externalKeys.has(key)) external[key] = value;
        return true;
      }
      default:
        return false;
    }
  });
  return { name, dims, dataType, raw, numFloats, numInt64s, external };
}

const externalKeys: ReadonlySet<string> = new Set(['location', 'offset', 'length']);

/** StringStringEntryProto */
function readKeyValue(reader: protobuf.Reader, end: number): [string, string] {
  const pair: [string, string] = ['', ''];
  readFields(reader, end, (id) => {
    if (id !== 1 && id !== 2) return false;
    pair[id - 1] = reader.string();
    return true;
  });
  return pair;
}

/** The `count` numbers of float_data, which a header has counted. */
export function readFloats(message: Uint8Array, count: number): Float32Array {
  const floats = new Float32Array(count);
  let i = 0;
  readField(message, tensorFields.floatData, (reader) => {
    floats[i++] = reader.float();
  });
  return floats;
}

/** The `count` numbers of int64_data, which a header has counted. */
export function readInt64s(message: Uint8Array, count: number): BigInt64Array {
  const int64s = new BigInt64Array(count);
  let i = 0;
  readField(message, tensorFields.int64Data, (reader) => {
    int64s[i++] = toBigInt(reader.int64());
  });
  return int64s;
}

function readField(
  message: Uint8Array,
  wanted: number,
  one: (reader: protobuf.Reader) => void,
): void {
  const reader = protobuf.Reader.create(message);
  const end = message.length;
  readFields(reader, end, (id, wireType) => {
    if (id !== wanted) return false;
    readNumbers(reader, wireType, end, () => {
      one(reader);
    });
    return true;
  });
}
