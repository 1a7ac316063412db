import protobuf from 'protobufjs/light.js';

/**
 * The part of ONNX's protobuf schema that ftctl writes, with the field numbers of onnx.proto (IR version 8). Messages
 * are plain objects of the interfaces below.
 */

export interface OnnxTensor {
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly name: string;
  /** Little-endian, row-major. */
  readonly rawData: Uint8Array;
}

export interface OnnxAttribute {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  readonly ints?: readonly number[];
}

export interface OnnxNode {
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly name: string;
  readonly opType: string;
  readonly attribute: readonly OnnxAttribute[];
}

interface OnnxDimension {
  readonly dimValue?: number;
  readonly dimParam?: string;
}

export interface OnnxValueInfo {
  readonly name: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      /** Absent: onnxruntime infers it. */
      readonly shape?: { readonly dim: readonly OnnxDimension[] };
    };
  };
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly producerName: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly graph: {
    readonly name: string;
    readonly node: readonly OnnxNode[];
    readonly initializer: readonly OnnxTensor[];
    readonly input: readonly OnnxValueInfo[];
    readonly output: readonly OnnxValueInfo[];
  };
  readonly metadataProps: readonly { readonly key: string; readonly value: string }[];
}

/** TensorProto.DataType */
export const onnxTypes = { float: 1, int32: 6, int64: 7, bool: 9 } as const;

/** AttributeProto.AttributeType */
export const onnxAttributeTypes = { float: 1, int: 2, ints: 7 } as const;

type Field = readonly [name: string, id: number, type: string, rule?: 'repeated'];

function message(...fields: readonly Field[]): protobuf.IType {
  return {
    fields: Object.fromEntries(
      fields.map(([name, id, type, rule]) => [
        name,
        // onnx.proto is proto2, whose repeated numbers are not packed.
        { id, type, ...(rule === undefined ? {} : { rule, options: { packed: false } }) },
      ]),
    ),
  };
}

const root = protobuf.Root.fromJSON({
  nested: {
    Model: message(
      ['irVersion', 1, 'int64'],
      ['producerName', 2, 'string'],
      ['graph', 7, 'Graph'],
      ['opsetImport', 8, 'OperatorSet', 'repeated'],
      ['metadataProps', 14, 'StringStringEntry', 'repeated'],
    ),
    OperatorSet: message(['domain', 1, 'string'], ['version', 2, 'int64']),
    StringStringEntry: message(['key', 1, 'string'], ['value', 2, 'string']),
    Graph: message(
      ['node', 1, 'Node', 'repeated'],
      ['name', 2, 'string'],
      ['initializer', 5, 'Tensor', 'repeated'],
      ['input', 11, 'ValueInfo', 'repeated'],
      ['output', 12, 'ValueInfo', 'repeated'],
    ),
    Node: message(
      ['input', 1, 'string', 'repeated'],
      ['output', 2, 'string', 'repeated'],
      ['name', 3, 'string'],
      ['opType', 4, 'string'],
      ['attribute', 5, 'Attribute', 'repeated'],
    ),
    Attribute: message(
      ['name', 1, 'string'],
      ['f', 2, 'float'],
      ['i', 3, 'int64'],
      ['ints', 8, 'int64', 'repeated'],
      ['type', 20, 'int32'],
    ),
    Tensor: message(
      ['dims', 1, 'int64', 'repeated'],
      ['dataType', 2, 'int32'],
      ['name', 8, 'string'],
      ['rawData', 9, 'bytes'],
    ),
    ValueInfo: message(['name', 1, 'string'], ['type', 2, 'Type']),
    Type: message(['tensorType', 1, 'TensorType']),
    TensorType: message(['elemType', 1, 'int32'], ['shape', 2, 'TensorShape']),
    TensorShape: message(['dim', 1, 'Dimension', 'repeated']),
    Dimension: message(['dimValue', 1, 'int64'], ['dimParam', 2, 'string']),
  },
});

const modelType = root.lookupType('Model');

/** The bytes of an ONNX file. The same model always gives the same bytes. */
export function encodeOnnx(model: OnnxModel): Uint8Array {
  return modelType.encode(modelType.fromObject(model)).finish();
}

/** Reads back what {@link encodeOnnx} wrote; fields outside of this subset are dropped. Throws on malformed bytes. */
export function decodeOnnx(bytes: Uint8Array): OnnxModel {
  const message = modelType.decode(bytes);
  return modelType.toObject(message, { longs: Number, arrays: true }) as OnnxModel;
}
