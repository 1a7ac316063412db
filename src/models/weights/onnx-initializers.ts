import protobuf from 'protobufjs/light.js';
import { onnxMetadata } from '../onnx/metadata.js';
import { numElements } from '../tensor-specs.js';
import { elementTypes, readBytes, type ElementType } from './element-types.js';
import { type ExternalData, ExternalValues } from './external-values.js';
import { FormatError } from './format-error.js';
import { MemoryBudget } from './memory-budget.js';
import {
  messageEnd,
  readFields,
  readFloats,
  readInt64s,
  readTensorHeader,
  type OnnxTensorHeader,
} from './onnx-tensor.js';
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

/** A network has some hundred; of tensors without values a file could have any number. */
const maxTensors = 200_000;

function typeOf({ name, dataType }: OnnxTensorHeader): ElementType {
  const type = dataTypes[dataType];
  if (type !== undefined) return type;
  throw new FormatError(`tensor ${name} has ONNX's data type ${dataType}, which is not read`);
}

/** A tensor's values, charged before they are read. */
function readValues(
  message: Uint8Array,
  header: OnnxTensorHeader,
  { budget, external }: { budget: MemoryBudget; external: ExternalValues },
): StoredTensor['data'] {
  const { name, dims, raw, numFloats, numInt64s } = header;
  const type = typeOf(header);
  const count = numElements(dims);
  const charge = (): void => {
    budget.charge(count * readBytes(type), `its tensors up to ${name}`);
  };
  if (raw === undefined && count > 0) {
    if (type === 'float32' && numFloats === count) {
      charge();
      return readFloats(message, count);
    }
    if (type === 'int64' && numInt64s === count) {
      charge();
      return readInt64s(message, count);
    }
  }
  const bytes =
    raw ?? (count === 0 ? new Uint8Array() : external.bytesOf(name, header.external ?? {}));
  if (bytes.length !== count * elementTypes[type].bytes) {
    throw new FormatError(
      `tensor ${name} of shape [${dims.join(', ')}] and type ${type} has ${bytes.length} bytes`,
    );
  }
  charge();
  return elementTypes[type].values(bytes);
}

/** Whether bytes may be an ONNX file: its first field is the version of the format, a small number. */
export function isOnnx(bytes: Uint8Array): boolean {
  return bytes[0] === 0x08 && bytes[1] !== undefined && bytes[1] > 0 && bytes[1] < 0x40;
}

/** The named tensors and the metadata of an ONNX file. Throws FormatError. */
export function readOnnxInitializers(
  bytes: Uint8Array,
  files?: ExternalData,
): {
  tensors: Map<string, StoredTensor>;
  types: Map<string, ElementType>;
  metadata: Map<string, string>;
} {
  const tensors = new Map<string, StoredTensor>();
  const types = new Map<string, ElementType>();
  const budget = new MemoryBudget(bytes.length);
  const external = new ExternalValues(files, budget);
  const add = (message: Uint8Array): void => {
    const header = readTensorHeader(message);
    const { name, dims: shape } = header;
    if (tensors.has(name)) throw new FormatError(`two tensors are called ${name}`);
    if (tensors.size === maxTensors) throw new FormatError(`it has over ${maxTensors} tensors`);
    tensors.set(name, { shape, data: readValues(message, header, { budget, external }) });
    types.set(name, typeOf(header));
  };
  const reader = protobuf.Reader.create(bytes);
  try {
    readFields(reader, bytes.length, (id, wireType) => {
      if (id !== 7 || wireType !== 2) return false;
      const graphEnd = messageEnd(reader, bytes.length);
      readFields(reader, graphEnd, (field, wire) => {
        if (field !== 5 || wire !== 2) return false;
        const end = messageEnd(reader, graphEnd);
        add(bytes.subarray(reader.pos, end));
        reader.pos = end;
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
