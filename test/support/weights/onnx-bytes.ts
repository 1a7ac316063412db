import protobuf from 'protobufjs/light.js';

/** A field whose value is bytes or text, or a number. */
export function field(id: number, value: Uint8Array | string | number): Buffer {
  const writer = protobuf.Writer.create();
  if (typeof value === 'number') writer.uint32((id << 3) >>> 0).int64(value);
  else if (typeof value === 'string') writer.uint32(((id << 3) | 2) >>> 0).string(value);
  else writer.uint32(((id << 3) | 2) >>> 0).bytes(value);
  return Buffer.from(writer.finish());
}

export interface TensorParts {
  readonly name: string;
  readonly dims: readonly number[];
  /** 1: float32, 7: int64. */
  readonly type: number;
  readonly raw?: Uint8Array;
  /** float_data and int64_data, packed; or each number as a field of its own. */
  readonly floats?: readonly number[];
  readonly int64s?: readonly number[];
  readonly isPacked?: boolean;
  readonly external?: Readonly<Record<string, string>>;
}

/** A TensorProto, its values before its shape where it has them itself: any order of fields is allowed. */
export function tensorBytes(tensor: TensorParts): Buffer {
  const { name, dims, type, raw, floats = [], int64s = [], isPacked = true, external } = tensor;
  const parts: Buffer[] = [];
  if (isPacked && floats.length > 0) {
    parts.push(field(4, new Uint8Array(Float32Array.from(floats).buffer)));
  }
  if (isPacked && int64s.length > 0) {
    const writer = protobuf.Writer.create();
    for (const value of int64s) writer.int64(value);
    parts.push(field(7, writer.finish()));
  }
  if (!isPacked) {
    const writer = protobuf.Writer.create();
    for (const value of floats) writer.uint32((4 << 3) | 5).float(value);
    for (const value of int64s) writer.uint32(7 << 3).int64(value);
    parts.push(Buffer.from(writer.finish()));
  }
  parts.push(...dims.map((side) => field(1, side)), field(2, type), field(8, name));
  if (raw !== undefined) parts.push(field(9, raw));
  for (const [key, value] of Object.entries(external ?? {})) {
    parts.push(field(13, Buffer.concat([field(1, key), field(2, value)])));
  }
  if (external !== undefined) parts.push(field(14, 1));
  return Buffer.concat(parts);
}

/** An ONNX file with these initializers and no nodes. */
export function onnxOf(tensors: readonly (TensorParts | Buffer)[]): Buffer {
  const initializers = tensors.map((tensor) =>
    field(5, Buffer.isBuffer(tensor) ? tensor : tensorBytes(tensor)),
  );
  return Buffer.concat([field(1, 8), field(7, Buffer.concat(initializers))]);
}
