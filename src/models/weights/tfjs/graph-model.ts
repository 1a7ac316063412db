import { z } from 'zod';
import { numElements } from '../../tensor-specs.js';

/**
 * The tfjs graph-model format, as far as it is read here: a TensorFlow GraphDef in JSON, and a manifest of weights, float32, plain or
 * quantised: value = code * scale + min.
 */

const base64Text = z.string();
const attributeSchema = z.looseObject({
  s: base64Text.optional(),
  list: z
    .looseObject({ i: z.array(z.string()).optional(), s: z.array(base64Text).optional() })
    .optional(),
});
const nodeSchema = z.looseObject({
  name: z.string(),
  op: z.string(),
  input: z.array(z.string()).default([]),
  attr: z.record(z.string(), attributeSchema).default({}),
});
const weightSchema = z.looseObject({
  name: z.string(),
  shape: z
    .array(
      z
        .number()
        .int()
        .nonnegative()
        .max(2 ** 31),
    )
    .max(8),
  dtype: z.literal('float32'),
  quantization: z
    .looseObject({ min: z.number(), scale: z.number(), dtype: z.enum(['uint8', 'uint16']) })
    .optional(),
});
const modelSchema = z.looseObject({
  format: z.literal('graph-model'),
  modelTopology: z.looseObject({ node: z.array(nodeSchema) }),
  weightsManifest: z.array(
    z.looseObject({ paths: z.array(z.string()), weights: z.array(weightSchema) }),
  ),
});

export type GraphNode = z.infer<typeof nodeSchema>;

export interface GraphModel {
  readonly nodes: readonly GraphNode[];
  /** Dequantised, in TensorFlow's layouts. */
  readonly weights: ReadonlyMap<
    string,
    { readonly shape: readonly number[]; readonly data: Float32Array }
  >;
}

type WeightEntry = z.infer<typeof weightSchema>;

function dequantise(entry: WeightEntry, bytes: Uint8Array, offset: number) {
  const length = numElements(entry.shape);
  const { quantization } = entry;
  const bytesPerElement = quantization === undefined ? 4 : quantization.dtype === 'uint8' ? 1 : 2;
  const end = offset + length * bytesPerElement;
  if (end > bytes.length)
    throw new Error(`weight ${entry.name} ends at byte ${end} of ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const data = new Float32Array(length);
  for (let i = 0; i < length; i++) {
    const at = offset + i * bytesPerElement;
    if (quantization === undefined) data[i] = view.getFloat32(at, true);
    else {
      const code = bytesPerElement === 1 ? view.getUint8(at) : view.getUint16(at, true);
      data[i] = code * quantization.scale + quantization.min;
    }
  }
  return { data, end };
}

/**
 * Reads a graph model from its JSON and the bytes of its weight files, which `shardBytes` gives by path. Throws an Error that
 * says what is wrong; the caller knows the file's name.
 */
export function readGraphModel(
  json: unknown,
  shardBytes: (path: string) => Uint8Array,
): GraphModel {
  const parsed = modelSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`it is no tfjs graph model: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { modelTopology, weightsManifest } = parsed.data;
  const weights = new Map<string, { shape: readonly number[]; data: Float32Array }>();
  for (const { paths, weights: entries } of weightsManifest) {
    const bytes = Buffer.concat(paths.map(shardBytes));
    let offset = 0;
    for (const entry of entries) {
      const { data, end } = dequantise(entry, bytes, offset);
      if (weights.has(entry.name)) throw new Error(`two weights are called ${entry.name}`);
      weights.set(entry.name, { shape: entry.shape, data });
      offset = end;
    }
    if (offset !== bytes.length) {
      throw new Error(`its weights take ${offset} bytes and its files have ${bytes.length}`);
    }
  }
  return { nodes: modelTopology.node, weights };
}

/** A string attribute; tfjs writes them in base64. */
export function stringAttribute(node: GraphNode, name: string): string | undefined {
  const value = node.attr[name]?.s;
  return value === undefined ? undefined : Buffer.from(value, 'base64').toString();
}

export function stringsAttribute(node: GraphNode, name: string): string[] {
  return (node.attr[name]?.list?.s ?? []).map((text) => Buffer.from(text, 'base64').toString());
}

export function integersAttribute(node: GraphNode, name: string): number[] {
  return (node.attr[name]?.list?.i ?? []).map(Number);
}
