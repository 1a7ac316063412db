import type { AffineLayer, ExplicitPadding, Layer, Padding, Pair } from './network.js';
import { imagesName } from './network.js';

/** The same padding on all four sides. */
export function symmetric(pixels: number): ExplicitPadding {
  return { top: pixels, left: pixels, bottom: pixels, right: pixels };
}

const square = (side: number): Pair => [side, side];

/** What the families' convolutions differ in; square windows. */
export interface ConvOptions {
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: Padding;
  readonly groups?: number;
  readonly bias?: boolean;
}

export interface PoolOptions {
  readonly kernel: number;
  readonly stride: number;
  readonly padding?: Padding;
  readonly ceilMode?: boolean;
}

/**
 * Appends layers one after the other: each call gives the name of its output, which is the next call's `input`. Keeps
 * the families' code as short as the papers' tables.
 */
export class NetworkBuilder {
  readonly layers: Layer[] = [];
  readonly #channels = new Map<string, number>();

  constructor(inputChannels: number) {
    this.#channels.set(imagesName, inputChannels);
  }

  /** Number of channels (or features) of an output. */
  channels(name: string): number {
    const channels = this.#channels.get(name);
    if (channels === undefined) throw new Error(`no layer ${name}`);
    return channels;
  }

  #append(layer: Layer, channels: number): string {
    this.layers.push(layer);
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
        kernel: square(kernel),
        stride: square(stride),
        padding,
        dilation: [1, 1],
        groups,
        bias,
      },
      outChannels,
    );
  }

  /** PyTorch's defaults. */
  batchNorm(name: string, input: string): string {
    const channels = this.channels(input);
    return this.#append(
      { kind: 'batchNorm', name, inputs: [input], channels, epsilon: 1e-5, momentum: 0.1 },
      channels,
    );
  }

  /** relu, relu6, add: what keeps the number of channels. */
  simple(kind: 'relu' | 'relu6' | 'add', name: string, ...inputs: readonly string[]): string {
    return this.#append({ kind, name, inputs }, this.channels(inputs[0]!));
  }

  /** [N, C, H, W] maps side by side: their channels add up. */
  concat(name: string, ...inputs: readonly string[]): string {
    const channels = inputs.reduce((sum, input) => sum + this.channels(input), 0);
    return this.#append({ kind: 'concat', name, inputs }, channels);
  }

  maxPool(name: string, input: string, options: PoolOptions): string {
    const { kernel, stride, padding = symmetric(0), ceilMode = false } = options;
    return this.#append(
      {
        kind: 'maxPool',
        name,
        inputs: [input],
        kernel: square(kernel),
        stride: square(stride),
        padding,
        dilation: [1, 1],
        ceilMode,
      },
      this.channels(input),
    );
  }

  /** The mean over the whole image, flattened: [N, C, H, W] -> [N, C]. */
  globalAverage(poolName: string, flattenName: string, input: string): string {
    const channels = this.channels(input);
    const pooled = this.#append(
      { kind: 'adaptiveAvgPool', name: poolName, inputs: [input], outputSize: [1, 1] },
      channels,
    );
    return this.#append({ kind: 'flatten', name: flattenName, inputs: [pooled] }, channels);
  }

  dropout(name: string, input: string, probability: number): string {
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
