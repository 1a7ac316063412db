import type { Initialisation } from './initialisation.js';
import type {
  AffineLayer,
  Container,
  ExplicitPadding,
  Layer,
  Network,
  Padding,
  Pair,
} from './network.js';
import { imagesName } from './network.js';

/** The same padding at top and bottom, and at left and right. */
export function symmetric(vertical: number, horizontal = vertical): ExplicitPadding {
  return { top: vertical, left: horizontal, bottom: vertical, right: horizontal };
}

const pair = (side: number | Pair): Pair => (typeof side === 'number' ? [side, side] : side);

/** What the families' convolutions differ in; one number is both sides. */
export interface ConvOptions {
  readonly kernel: number | Pair;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly groups?: number;
  readonly bias?: boolean;
}

interface CallOptions {
  /** See Layer.functional. */
  readonly functional?: boolean;
}

export interface PoolOptions extends CallOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly padding?: Padding;
}

/** RGB images. */
const inputChannels = 3;

/**
 * Appends layers one after the other: each call gives the name of its output, which is the next call's `input`. Keeps
 * the families' code as short as the papers' tables.
 */
export class NetworkBuilder {
  readonly #layers: Layer[] = [];
  /** Number of channels of each output; of values for an output that is flat. */
  readonly #channels = new Map<string, number>([[imagesName, inputChannels]]);
  /** Of outputs whose size does not depend on the image's. */
  readonly #sizes = new Map<string, Pair>();
  readonly #containers = new Map<string, Container>();
  readonly #initialisation: Initialisation;

  constructor(className: string, initialisation: Initialisation) {
    this.#initialisation = initialisation;
    this.container('', className);
  }

  build(options: {
    readonly classifier: string;
    /** Default: the classifier. */
    readonly output?: string;
    readonly auxiliaryClassifiers?: readonly string[];
  }): Network {
    const { classifier, output = classifier, auxiliaryClassifiers = [] } = options;
    return {
      layers: this.#layers,
      inputChannels,
      classifier,
      output,
      auxiliaryClassifiers,
      containers: this.#containers,
      initialisation: this.#initialisation,
    };
  }

  /** Number of channels (or features) of an output. */
  channels(name: string): number {
    const channels = this.#channels.get(name);
    if (channels === undefined) throw new Error(`no layer ${name}`);
    return channels;
  }

  /** Says which class the module at `path` is of; see Container. */
  container(path: string, className: string, order?: readonly string[]): void {
    this.#containers.set(path, { className, ...(order === undefined ? {} : { order }) });
  }

  #append(layer: Layer, channels: number): string {
    this.#layers.push(layer);
    this.#channels.set(layer.name, channels);
    return layer.name;
  }

  conv(name: string, input: string, outChannels: number, options: ConvOptions): string {
    const { kernel, stride = 1, padding = symmetric(0), groups = 1, bias = false } = options;
    return this.#append(
      {
        kind: 'conv2d',
        name,
        inputs: [input],
        inChannels: this.channels(input),
        outChannels,
        kernel: pair(kernel),
        stride: pair(stride),
        padding,
        dilation: [1, 1],
        groups,
        bias,
      },
      outChannels,
    );
  }

  /** PyTorch's defaults. */
  batchNorm(name: string, input: string, epsilon = 1e-5): string {
    const channels = this.channels(input);
    return this.#append(
      { kind: 'batchNorm', name, inputs: [input], channels, epsilon, momentum: 0.1 },
      channels,
    );
  }

  relu(name: string, input: string, { functional = false }: CallOptions = {}): string {
    return this.#append({ kind: 'relu', name, inputs: [input], functional }, this.channels(input));
  }

  relu6(name: string, input: string): string {
    return this.#append({ kind: 'relu6', name, inputs: [input] }, this.channels(input));
  }

  add(name: string, ...inputs: readonly [string, string]): string {
    return this.#append({ kind: 'add', name, inputs }, this.channels(inputs[0]));
  }

  /** [N, C, H, W] maps side by side: their channels add up. */
  concat(name: string, ...inputs: readonly string[]): string {
    const channels = inputs.reduce((sum, input) => sum + this.channels(input), 0);
    return this.#append({ kind: 'concat', name, inputs }, channels);
  }

  maxPool(
    name: string,
    input: string,
    options: PoolOptions & { readonly ceilMode?: boolean },
  ): string {
    const { kernel, stride, padding = symmetric(0), ceilMode = false, functional } = options;
    return this.#append(
      {
        kind: 'maxPool',
        name,
        inputs: [input],
        functional: functional ?? false,
        kernel: pair(kernel),
        stride: pair(stride),
        padding,
        dilation: [1, 1],
        ceilMode,
      },
      this.channels(input),
    );
  }

  avgPool(
    name: string,
    input: string,
    options: PoolOptions & { readonly countIncludePad?: boolean },
  ): string {
    const { kernel, stride, padding = symmetric(0), countIncludePad = true, functional } = options;
    return this.#append(
      {
        kind: 'avgPool',
        name,
        inputs: [input],
        functional: functional ?? false,
        kernel: pair(kernel),
        stride: pair(stride),
        padding,
        countIncludePad,
      },
      this.channels(input),
    );
  }

  adaptiveAvgPool(
    name: string,
    input: string,
    side: number,
    { functional = false }: CallOptions = {},
  ): string {
    const outputSize = pair(side);
    this.#sizes.set(name, outputSize);
    return this.#append(
      { kind: 'adaptiveAvgPool', name, inputs: [input], functional, outputSize },
      this.channels(input),
    );
  }

  /** [N, C, H, W] -> [N, C * H * W]. Takes what an adaptive pool gives: its size does not depend on the image's. */
  flatten(name: string, input: string): string {
    const size = this.#sizes.get(input);
    if (size === undefined) throw new Error(`the size of ${input} depends on the image`);
    const numFeatures = this.channels(input) * size[0] * size[1];
    return this.#append({ kind: 'flatten', name, inputs: [input] }, numFeatures);
  }

  dropout(name: string, input: string, probability: number): string {
    const size = this.#sizes.get(input);
    if (size !== undefined) this.#sizes.set(name, size);
    return this.#append(
      { kind: 'dropout', name, inputs: [input], probability },
      this.channels(input),
    );
  }

  linear(name: string, input: string, outFeatures: number): string {
    return this.#append(
      {
        kind: 'linear',
        name,
        inputs: [input],
        inFeatures: this.channels(input),
        outFeatures,
        bias: true,
      },
      outFeatures,
    );
  }

  affine(name: string, input: string, constants: Pick<AffineLayer, 'scale' | 'shift'>): string {
    return this.#append(
      { kind: 'affine', name, inputs: [input], ...constants },
      this.channels(input),
    );
  }
}
