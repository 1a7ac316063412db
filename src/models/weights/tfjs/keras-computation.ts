import { z } from 'zod';
import { image, windowText, type Computation, type Window } from './computation.js';
import type { KerasLayer, LayersModel } from './layers-model.js';

/** What Keras' layers compute: the classes that image classifiers without a surprise are made of. */

const pair = z.tuple([z.number().int(), z.number().int()]);
const padding = z.enum(['same', 'valid']);
const lastAxis = z.union([z.literal(-1), z.literal(3), z.tuple([z.literal(3)]).transform(() => 3)]);
const channelsLast = z.literal('channels_last').default('channels_last');
const convSchema = z.looseObject({
  kernel_size: pair,
  strides: pair,
  padding,
  dilation_rate: pair.default([1, 1]),
  data_format: channelsLast,
  activation: z.string().default('linear'),
  filters: z.number().int().optional(),
  groups: z.literal(1).default(1),
  depth_multiplier: z.literal(1).optional(),
});
const poolSchema = z.looseObject({
  pool_size: pair,
  strides: pair,
  padding,
  data_format: channelsLast,
});
const zeroPadSchema = z.looseObject({ padding: z.tuple([pair, pair]), data_format: channelsLast });

/** A layer between the image and the features, and the batch norm that follows it. */
export interface KerasConv {
  readonly layer: KerasLayer;
  batchNorm: KerasLayer | undefined;
}

const activations: Readonly<Record<string, string | undefined>> = {
  relu: 'relu',
  relu6: 'relu6',
};

/** What stands between the features and the output. */
const classifierLayers = new Set(['Dense', 'Dropout', 'Activation', 'Softmax']);

export class KerasGraph {
  readonly #model: LayersModel;
  readonly #done = new Map<string, Computation>();
  readonly #underWay = new Set<string>();
  /** By the convolution's name. */
  readonly convs = new Map<string, KerasConv>();

  /** How many layers take a layer's output. */
  readonly #numUses = new Map<string, number>();

  constructor(model: LayersModel) {
    this.#model = model;
    for (const { inputs } of model.layers.values()) {
      for (const input of inputs) this.#numUses.set(input, (this.#numUses.get(input) ?? 0) + 1);
    }
  }

  /** Side of the square image that the model was made for. */
  imageSize(): number {
    const shape = z.tuple([z.null(), z.number().int(), z.number().int(), z.literal(3)]);
    for (const layer of this.#model.layers.values()) {
      if (layer.className !== 'InputLayer') continue;
      const { batch_input_shape } = this.#config(
        layer,
        z.looseObject({ batch_input_shape: shape }),
      );
      const [, height, width] = batch_input_shape;
      if (height === width) return height;
    }
    throw new Error('it has no square input');
  }

  /**
   * The layer whose maps are averaged over the image for the classifier; `mapSize` is their side, as the average must be over all
   * of them.
   */
  mapsLayer(mapSize: number): string {
    let layer = this.#layer(this.#model.output);
    while (classifierLayers.has(layer.className)) layer = this.#layer(this.#only(layer));
    if (layer.className === 'GlobalAveragePooling2D') return this.#only(layer);
    const pool = layer.className === 'Flatten' ? this.#layer(this.#only(layer)) : layer;
    if (pool.className !== 'AveragePooling2D') {
      throw new Error(`its classifier takes ${pool.name}, a ${pool.className}, and no average`);
    }
    const { pool_size } = this.#config(pool, poolSchema);
    if (pool_size.some((side) => side !== mapSize)) {
      throw new Error(`${pool.name} averages ${pool_size.join('x')} of ${mapSize}x${mapSize}`);
    }
    return this.#only(pool);
  }

  /** What a layer computes. */
  of(name: string): Computation {
    const known = this.#done.get(name);
    if (known !== undefined) return known;
    if (this.#underWay.has(name)) throw new Error(`${name} depends on itself`);
    this.#underWay.add(name);
    const computation = this.#compute(this.#layer(name));
    this.#done.set(name, computation);
    return computation;
  }

  #layer(name: string): KerasLayer {
    const layer = this.#model.layers.get(name);
    if (layer === undefined) throw new Error(`it has no layer ${name}`);
    return layer;
  }

  #only({ name, inputs }: KerasLayer): string {
    const [input, ...others] = inputs;
    if (input === undefined || others.length > 0) throw new Error(`${name} has not one input`);
    return input;
  }

  #config<T>({ name, className, config }: KerasLayer, schema: z.ZodType<T>): T {
    const parsed = schema.safeParse(config);
    if (parsed.success) return parsed.data;
    const [issue] = parsed.error.issues;
    throw new Error(`${className} ${name}: ${issue?.path.join('.')}: ${issue?.message}`);
  }

  #compute(layer: KerasLayer): Computation {
    const { className } = layer;
    const node = (op: string, inputs: readonly string[], weights = false): Computation => ({
      op,
      inputs: inputs.map((input) => this.of(input)),
      layer: weights ? layer.name : null,
      origin: layer.name,
    });
    switch (className) {
      case 'InputLayer':
        return image;
      case 'Conv2D':
      case 'DepthwiseConv2D':
        return this.#conv(layer, node);
      case 'BatchNormalization':
        return this.#batchNorm(layer);
      case 'Dropout':
        return this.of(this.#only(layer));
      case 'ReLU': {
        const { max_value } = this.#config(
          layer,
          z.looseObject({
            max_value: z.union([z.literal(6), z.null()]).optional(),
            negative_slope: z.literal(0).optional(),
            threshold: z.literal(0).optional(),
          }),
        );
        return node(max_value === 6 ? 'relu6' : 'relu', [this.#only(layer)]);
      }
      case 'Activation': {
        const { activation } = this.#config(layer, z.looseObject({ activation: z.string() }));
        const op = activations[activation];
        if (op === undefined) throw new Error(`${layer.name} has the activation ${activation}`);
        return node(op, [this.#only(layer)]);
      }
      case 'Add':
        return node('add', layer.inputs);
      case 'Concatenate':
        this.#config(layer, z.looseObject({ axis: lastAxis }));
        return node('concat', layer.inputs);
      case 'MaxPooling2D':
      case 'AveragePooling2D': {
        const {
          pool_size: kernel,
          strides: stride,
          padding: kind,
        } = this.#config(layer, poolSchema);
        const op = className === 'MaxPooling2D' ? 'max' : 'average';
        return this.#windowed(layer, kind, { kernel, stride }, (input, text) =>
          node(`${op} ${text}`, [input]),
        );
      }
      default:
        throw new Error(`${layer.name} is a ${className}, which is not read`);
    }
  }

  /** With Keras' explicit padding layer below taken in. */
  #windowed(
    layer: KerasLayer,
    kind: 'same' | 'valid',
    { kernel, stride }: Pick<Window, 'kernel' | 'stride'>,
    make: (input: string, text: string) => Computation,
  ): Computation {
    const input = this.#only(layer);
    const below = this.#layer(input);
    if (below.className !== 'ZeroPadding2D') {
      const explicit = kind === 'same' ? 'same' : ([0, 0, 0, 0] as const);
      return make(input, windowText({ kernel, stride, padding: explicit }));
    }
    if (kind === 'same' || layer.className === 'MaxPooling2D') {
      throw new Error(`${layer.name} pads what is padded with zeros`);
    }
    const { padding: sides } = this.#config(below, zeroPadSchema);
    const [[top, bottom], [left, right]] = sides;
    return make(
      this.#only(below),
      windowText({ kernel, stride, padding: [top, left, bottom, right] }),
    );
  }

  #conv(
    layer: KerasLayer,
    node: (op: string, inputs: readonly string[], weights?: boolean) => Computation,
  ): Computation {
    const {
      kernel_size,
      strides,
      padding: kind,
      filters,
      ...rest
    } = this.#config(layer, convSchema);
    const { activation, dilation_rate } = rest;
    if (dilation_rate.some((rate) => rate !== 1)) throw new Error(`${layer.name} is dilated`);
    this.convs.set(layer.name, { layer, batchNorm: undefined });
    const what =
      layer.className === 'Conv2D' ? `convolution to ${filters}` : 'depthwise convolution';
    const conv = this.#windowed(
      layer,
      kind,
      { kernel: kernel_size, stride: strides },
      (input, text) => node(`${what} ${text}`, [input], true),
    );
    if (activation === 'linear') return conv;
    const op = activations[activation];
    if (op === undefined) throw new Error(`${layer.name} has the activation ${activation}`);
    return { op, inputs: [conv], layer: null, origin: layer.name };
  }

  /** It is folded into the convolution before it, which has none yet. */
  #batchNorm(layer: KerasLayer): Computation {
    const input = this.#only(layer);
    const computation = this.of(input);
    const conv = computation.layer === null ? undefined : this.convs.get(computation.layer);
    if (conv?.layer.name !== input || this.#numUses.get(input) !== 1) {
      throw new Error(`batch norm ${layer.name} does not follow a convolution`);
    }
    this.#config(layer, z.looseObject({ axis: lastAxis, epsilon: z.number().positive() }));
    conv.batchNorm = layer;
    return computation;
  }
}
