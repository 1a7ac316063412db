import { z } from 'zod';
import { readWeightsManifest, weightsManifestSchema, type TfjsWeight } from './weights-manifest.js';

/**
 * The tfjs graph-model format, as far as it is read here: a TensorFlow GraphDef in JSON, and a manifest of weights.
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
const modelSchema = z.looseObject({
  format: z.literal('graph-model'),
  modelTopology: z.looseObject({ node: z.array(nodeSchema) }),
  weightsManifest: weightsManifestSchema,
});

export type GraphNode = z.infer<typeof nodeSchema>;

export interface GraphModel {
  readonly nodes: readonly GraphNode[];
  /** Dequantised, in TensorFlow's layouts. */
  readonly weights: ReadonlyMap<string, TfjsWeight>;
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
  return { nodes: modelTopology.node, weights: readWeightsManifest(weightsManifest, shardBytes) };
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
