import { z } from 'zod';
import { readWeightsManifest, weightsManifestSchema, type TfjsWeight } from './weights-manifest.js';

/**
 * The tfjs layers-model format, as far as it is read here: Keras' functional model in JSON, and a manifest of weights, named
 * LAYER/WEIGHT.
 */

/** [layer, node, tensor, arguments] */
const inboundSchema = z
  .tuple([z.string(), z.number(), z.number()])
  .rest(z.unknown())
  .transform(([name]) => name);
const layerSchema = z.looseObject({
  class_name: z.string(),
  name: z.string(),
  config: z.record(z.string(), z.unknown()),
  inbound_nodes: z.array(z.array(inboundSchema)).max(1),
});
const modelSchema = z.looseObject({
  modelTopology: z.looseObject({
    model_config: z.looseObject({
      config: z.looseObject({
        layers: z.array(layerSchema).max(5000),
        output_layers: z.array(inboundSchema).min(1),
      }),
    }),
  }),
  weightsManifest: weightsManifestSchema,
});

export interface KerasLayer {
  readonly name: string;
  readonly className: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** Names of layers. */
  readonly inputs: readonly string[];
}

export interface LayersModel {
  readonly layers: ReadonlyMap<string, KerasLayer>;
  readonly output: string;
  readonly weights: ReadonlyMap<string, TfjsWeight>;
}

/** Whether a model.json has Keras' layers and no TensorFlow graph. */
export function isLayersModel(json: unknown): boolean {
  return z
    .looseObject({ modelTopology: z.looseObject({ model_config: z.unknown() }) })
    .refine(({ modelTopology }) => modelTopology.model_config !== undefined)
    .safeParse(json).success;
}

/**
 * Reads a layers model from its JSON and the bytes of its weight files, which `shardBytes` gives by path. Throws an Error that
 * says what is wrong; the caller knows the file's name.
 */
export function readLayersModel(
  json: unknown,
  shardBytes: (path: string) => Uint8Array,
): LayersModel {
  const parsed = modelSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new Error(`it is no tfjs layers model: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const { layers, output_layers } = parsed.data.modelTopology.model_config.config;
  const byName = new Map<string, KerasLayer>();
  for (const { name, class_name: className, config, inbound_nodes } of layers) {
    if (byName.has(name)) throw new Error(`two of its layers are called ${name}`);
    byName.set(name, { name, className, config, inputs: inbound_nodes[0] ?? [] });
  }
  return {
    layers: byName,
    output: output_layers[0]!,
    weights: readWeightsManifest(parsed.data.weightsManifest, shardBytes),
  };
}
