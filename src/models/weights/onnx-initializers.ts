import protobuf from 'protobufjs/light.js';
import { onnxMetadata } from '../onnx/metadata.js';
import { valuesOf } from '../onnx/wire.js';
import { numElements } from '../tensor-specs.js';
import { elementTypes, readBytes, type ElementType } from './element-types.js';
import { FormatError } from './format-error.js';
import type { StoredTensor } from './tensor-set.js';

/**
 * The initializers of an ONNX file (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), and its metadata: read off the
 * wire, so that the nodes of a large graph are passed over and raw bytes are not copied.
 */

/** TensorProto.DataType. */
const dataTypes: Readonly<Record<number, ElementType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  16: 'bfloat16',
};

/** Bytes of a file beside the model, by the name that the model gives it. Throws FormatError. */
export type ExternalData = (location: string) => Uint8Array;

interface RawTensor {
  name: string;
  dims: number[];
  dataType: number;
  raw: Uint8Array | undefined;
  floats: number[];
  int64s: bigint[];
  external: Map<string, string> | undefined;
}

const maxDimensions = 8;
/** TensorProto.external_data */
const externalField = 13;

/** Calls `field` with each field's number; it reads the field, or gives false to have it passed over. */
function readMessage(
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
function messageEnd(reader: protobuf.Reader, outer: number): number {
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
  if (wireType !== 2) {
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

function readTensor(reader: protobuf.Reader, end: number): RawTensor {
  const tensor: RawTensor = {
    ...{ name: '', dims: [], dataType: 0, raw: undefined },
    ...{ floats: [], int64s: [], external: undefined },
  };
  readMessage(reader, end, (id, wireType) => {
    if (id === 1) {
      readNumbers(reader, wireType, end, () => tensor.dims.push(Number(toBigInt(reader.int64()))));
    } else if (id === 2) tensor.dataType = reader.int32();
    else if (id === 4) readNumbers(reader, wireType, end, () => tensor.floats.push(reader.float()));
    else if (id === 7) {
      readNumbers(reader, wireType, end, () => tensor.int64s.push(toBigInt(reader.int64())));
    } else if (id === 8) tensor.name = reader.string();
    else if (id === 9) tensor.raw = reader.bytes();
    else if (id === externalField) {
      tensor.external ??= new Map();
      const [key, value] = readKeyValue(reader, messageEnd(reader, end));
      tensor.external.set(key, value);
    } else return false;
    return true;
  });
  return tensor;
}

function readKeyValue(reader: protobuf.Reader, end: number): [string, string] {
  const pair: [string, string] = ['', ''];
  readMessage(reader, end, (id) => {
    if (id !== 1 && id !== 2) return false;
    pair[id - 1] = reader.string();
    return true;
  });
  return pair;
}

function externalBytes(tensor: RawTensor, external: ExternalData | undefined): Uint8Array {
  const { name, external: entries } = tensor;
  const location = entries?.get('location');
  if (location === undefined) throw new FormatError(`tensor ${name} has no values`);
  if (external === undefined) {
    throw new FormatError(`the values of tensor ${name} are in another file, ${location}`);
  }
  const bytes = external(location);
  const begin = Number(entries?.get('offset') ?? 0);
  const length = Number(entries?.get('length') ?? bytes.length - begin);
  if (!(begin >= 0 && length >= 0 && begin + length <= bytes.length)) {
    throw new FormatError(`tensor ${name} reaches beyond ${location}`);
  }
  return bytes.subarray(begin, begin + length);
}

function toStored(
  tensor: RawTensor,
  external: ExternalData | undefined,
): { type: ElementType; stored: StoredTensor } {
  const { name, dims: shape, dataType, raw, floats, int64s } = tensor;
  if (
    shape.length > maxDimensions ||
    shape.some((side) => !Number.isSafeInteger(side) || side < 0)
  ) {
    throw new FormatError(`tensor ${name} has no valid shape`);
  }
  const type = dataTypes[dataType];
  if (type === undefined) {
    throw new FormatError(`tensor ${name} has ONNX's data type ${dataType}, which is not read`);
  }
  const count = numElements(shape);
  if (raw === undefined && type === 'float32' && floats.length === count && count > 0) {
    return { type, stored: { shape, data: Float32Array.from(floats) } };
  }
  if (raw === undefined && type === 'int64' && int64s.length === count && count > 0) {
    return { type, stored: { shape, data: BigInt64Array.from(int64s) } };
  }
  const bytes = raw ?? (count === 0 ? new Uint8Array() : externalBytes(tensor, external));
  if (bytes.length !== count * elementTypes[type].bytes) {
    throw new FormatError(
      `tensor ${name} of shape [${shape.join(', ')}] and type ${type} has ${bytes.length} bytes`,
    );
  }
  return { type, stored: { shape, data: elementTypes[type].values(bytes) } };
}

/** The values of a TensorProto that has them in another file; undefined for one that has them itself. Throws FormatError. */
export function tensorBytes(message: Uint8Array, external: ExternalData): Uint8Array | undefined {
  if (valuesOf(message, externalField).length === 0) return undefined;
  return externalBytes(readTensor(protobuf.Reader.create(message), message.length), external);
}

/** Whether bytes may be an ONNX file: its first field is the version of the format, a small number. */
export function isOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && bytes[1] !== undefined && bytes[1] > 0 && bytes[1] < 0x40;
}

/** Bytes in memory for each byte of the file: an int8 read as int64, and tensors that share external data. */
const maxExpansion = 16;
const freeBytes = 16 * 1024 * 1024;

/** The named tensors and the metadata of an ONNX file. Throws FormatError. */
export function readOnnxInitializers(
  bytes: Uint8Array,
  external?: ExternalData,
): {
  tensors: Map<string, StoredTensor>;
  types: Map<string, ElementType>;
  metadata: Map<string, string>;
} {
  const tensors = new Map<string, StoredTensor>();
  const types = new Map<string, ElementType>();
  let bytesLeft = freeBytes + maxExpansion * bytes.length;
  const add = (tensor: RawTensor): void => {
    if (tensors.has(tensor.name)) throw new FormatError(`two tensors are called ${tensor.name}`);
    const { type, stored } = toStored(tensor, external);
    if (tensor.external === undefined) bytesLeft -= stored.data.length * readBytes(type);
    if (bytesLeft < 0) throw new FormatError('its tensors take far more bytes than the file has');
    tensors.set(tensor.name, stored);
    types.set(tensor.name, type);
  };
  const reader = protobuf.Reader.create(bytes);
  try {
    readMessage(reader, bytes.length, (id, wireType) => {
      if (id !== 7 || wireType !== 2) return false;
      const graphEnd = messageEnd(reader, bytes.length);
      readMessage(reader, graphEnd, (field, wire) => {
        if (field !== 5 || wire !== 2) return false;
        add(readTensor(reader, messageEnd(reader, graphEnd)));
        return true;
      });
      return true;
    });
  } catch (error) {
    if (error instanceof FormatError) throw error;
    // protobufjs throws RangeError beyond the end, and Error for a wire type that there is not.
    throw new FormatError('it is no intact ONNX file', { cause: error });
  }
  if (tensors.size === 0) throw new FormatError('it is an ONNX file without initializers');
  return { tensors, types, metadata: onnxMetadata(bytes) };
}
