/**
 * The description of a network: typed layers in topological order, with torchvision's module names. Everything else is
 * derived from it: parameter names, shapes, ONNX, random initialisation, weights checks (and, later, gradients).
 *
 * Legend: N batch, C channels, H height, W width, F features, K classes. Pairs are [vertical, horizontal].
 */

import type { Initialisation } from './initialisation.js';

export type Pair = readonly [number, number];

export interface ExplicitPadding {
  readonly top: number;
  readonly left: number;
  readonly bottom: number;
  readonly right: number;
}

/**
 * `same` is TensorFlow's SAME: the output has ceil(input / stride) rows, and an odd amount of padding has its larger half at
 * the bottom and right. It depends on the input's size, so shape inference resolves it.
 */
export type Padding = ExplicitPadding | 'same';

interface LayerBase {
  /** torchvision's module path where the layer is a module; unique in the network. Also the name of its output. */
  readonly name: string;
  /** Names of earlier layers, or {@link imagesName}. */
  readonly inputs: readonly string[];
  /** It is no module in torchvision but a call in a module's `forward`; `add`, `concat`, `flatten` and `affine` always are. */
  readonly functional?: boolean;
}

export interface Conv2dLayer extends LayerBase {
  readonly kind: 'conv2d';
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly dilation: Pair;
  readonly groups: number;
  readonly bias: boolean;
}

export interface BatchNormLayer extends LayerBase {
  readonly kind: 'batchNorm';
  readonly channels: number;
  readonly epsilon: number;
  /** Weight of the newest batch in the running statistics; null: cumulative average (PyTorch's momentum=None). */
  readonly momentum: number | null;
}

export interface MaxPoolLayer extends LayerBase {
  readonly kind: 'maxPool';
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  readonly dilation: Pair;
  /** Rounds the output size up, as PyTorch: a window must start inside of the input or its top/left padding. */
  readonly ceilMode: boolean;
}

export interface AvgPoolLayer extends LayerBase {
  readonly kind: 'avgPool';
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly padding: Padding;
  /** Whether padding counts in the divisor: torchvision's do, TensorFlow's don't. */
  readonly countIncludePad: boolean;
}

export interface AdaptiveAvgPoolLayer extends LayerBase {
  readonly kind: 'adaptiveAvgPool';
  readonly outputSize: Pair;
}

export interface LinearLayer extends LayerBase {
  readonly kind: 'linear';
  readonly inFeatures: number;
  readonly outFeatures: number;
  readonly bias: boolean;
}

/** Per-channel constants, no parameters: x * scale + shift. */
export interface AffineLayer extends LayerBase {
  readonly kind: 'affine';
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

interface DropoutLayer extends LayerBase {
  readonly kind: 'dropout';
  readonly probability: number;
}

export interface SimpleLayer extends LayerBase {
  readonly kind: 'relu' | 'relu6' | 'add' | 'concat' | 'flatten';
}

export type Layer =
  | Conv2dLayer
  | BatchNormLayer
  | MaxPoolLayer
  | AvgPoolLayer
  | AdaptiveAvgPoolLayer
  | LinearLayer
  | AffineLayer
  | DropoutLayer
  | SimpleLayer;

/** A module of torchvision's that has modules. */
export interface Container {
  /** Python's class. */
  readonly className: string;
  /** The names of its modules as they are registered, where that is not the order in which they first compute. */
  readonly order?: readonly string[];
}

export interface Network {
  /** In an order in which they can be computed; parameters in torchvision's state-dict order. */
  readonly layers: readonly Layer[];
  /** Channels of the input, {@link imagesName} [N, C, H, W]. */
  readonly inputChannels: number;
  /**
   * The layer that is replaced for a new set of classes: a linear layer that gives the logits, or (squeezenet) a 1x1 convolution
   * whose rectified maps, averaged over the image, are the logits.
   */
  readonly classifier: string;
  /** The layer that gives the logits [N, K]: the classifier, or what comes after it. */
  readonly output: string;
  /**
   * Linear layers that give logits beside the output's, from a layer within the network (inception). Nothing but the training of
   * the layers before them needs them; they are replaced with the classifier.
   */
  readonly auxiliaryClassifiers: readonly string[];
  /** By module path, the network's own being ''. Paths that are not here are of class Sequential. */
  readonly containers: ReadonlyMap<string, Container>;
  /** How torchvision draws this network's random weights. */
  readonly initialisation: Initialisation;
}

/** The name of a network's input. */
export const imagesName = 'images';

function classifierNamed(network: Network, name: string): LinearLayer | Conv2dLayer {
  const layer = network.layers.find((candidate) => candidate.name === name);
  if (layer?.kind !== 'linear' && layer?.kind !== 'conv2d') {
    throw new Error(`no linear layer or convolution ${name}`);
  }
  return layer;
}

/** The classifier's layer. */
export function classifierOf(network: Network): LinearLayer | Conv2dLayer {
  return classifierNamed(network, network.classifier);
}

/** The layers that another set of classes replaces: the classifier, after the auxiliary ones. */
export function replacedLayers(network: Network): (LinearLayer | Conv2dLayer)[] {
  return [...network.auxiliaryClassifiers, network.classifier].map((name) =>
    classifierNamed(network, name),
  );
}

/**
 * The layer whose output the classifier's head takes: the features. Dropout between the two is the identity in
 * evaluation mode and is passed over.
 */
export function featuresOf(network: Network): string {
  let name = classifierOf(network).inputs[0]!;
  for (;;) {
    const layer = network.layers.find((candidate) => candidate.name === name);
    if (layer?.kind !== 'dropout') return name;
    name = layer.inputs[0]!;
  }
}

/** The layers that the outputs need, themselves included, in order. */
export function layersUpTo(network: Network, ...outputs: readonly string[]): Layer[] {
  const needed = new Set(outputs);
  for (const layer of network.layers.toReversed()) {
    if (needed.has(layer.name)) for (const input of layer.inputs) needed.add(input);
  }
  const layers = network.layers.filter(({ name }) => needed.has(name));
  for (const output of outputs) {
    const isKnown = output === imagesName || layers.some(({ name }) => name === output);
    if (!isKnown) throw new Error(`no layer ${output}`);
  }
  return layers;
}
