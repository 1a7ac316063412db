import fc from 'fast-check';
import { torchDefault } from '../../../../src/models/initialisation.js';
import { imagesName, type Layer, type Network, type Pair } from '../../../../src/models/network.js';
import { outputShape, type Shape } from '../../../../src/models/shapes.js';

/** What of a layer is drawn before it is known what it takes; numbers are of a range and mean what the kind makes of them. */
interface Choice {
  readonly kind: Layer['kind'] | 'residual';
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly sides: readonly [number, number, number, number];
  readonly isSame: boolean;
  readonly flag: boolean;
  readonly number: number;
}

export interface NetworkChoices {
  readonly choices: readonly Choice[];
  readonly outputSize: Pair;
  readonly hasHiddenLayer: boolean;
  readonly hasAuxiliary: boolean;
  readonly numClasses: number;
}

const pair = (min: number, max: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));
const side = fc.integer({ min: 0, max: 2 });

const choice: fc.Arbitrary<Choice> = fc.record({
  kind: fc.constantFrom(
    ...(['conv2d', 'conv2d', 'conv2d', 'batchNorm', 'batchNorm', 'relu', 'relu6'] as const),
    ...(['maxPool', 'avgPool', 'affine', 'dropout', 'residual', 'concat'] as const),
  ),
  kernel: pair(1, 3),
  stride: fc.oneof(fc.constant<Pair>([1, 1]), pair(1, 3)),
  dilation: fc.oneof(fc.constant<Pair>([1, 1]), pair(1, 2)),
  sides: fc.tuple(side, side, side, side),
  isSame: fc.boolean(),
  flag: fc.boolean(),
  number: fc.nat(11),
});

export const networkChoices: fc.Arbitrary<NetworkChoices> = fc.record({
  choices: fc.array(choice, { minLength: 2, maxLength: 9 }),
  outputSize: pair(1, 3),
  hasHiddenLayer: fc.boolean(),
  hasAuxiliary: fc.boolean(),
  numClasses: fc.integer({ min: 2, max: 5 }),
});

/** Padding that a pool takes: less than half of its kernel. */
const poolPadding = ({ kernel, sides }: Choice) => {
  const [top, left, bottom, right] = sides.map((pad, i) =>
    Math.min(pad, Math.floor(kernel[i % 2]! / 2)),
  ) as [number, number, number, number];
  return { top, left, bottom, right };
};

/** Appends layers to a network; one that would have no output is left out. */
class RandomNetworkBuilder {
  readonly layers: Layer[] = [];
  readonly #shapes = new Map<string, Shape>();

  constructor(inputShape: Shape) {
    this.#shapes.set(imagesName, inputShape);
  }

  shapeOf(name: string): Shape {
    return this.#shapes.get(name)!;
  }

  /** The layer's name, or its input's where it would have no output. */
  append(layer: Layer): string {
    const shape = outputShape(
      layer,
      layer.inputs.map((input) => this.shapeOf(input)),
    );
    if (shape.some((length) => length < 1)) return layer.inputs[0]!;
    this.layers.push(layer);
    this.#shapes.set(layer.name, shape);
    return layer.name;
  }

  conv(name: string, input: string, drawn: Choice): string {
    const { kernel, stride, dilation, sides, isSame, flag, number } = drawn;
    const inChannels = this.shapeOf(input)[0]!;
    const divisors = [1, 2, 3, inChannels].filter((count) => inChannels % count === 0);
    const groups = divisors[number % divisors.length]!;
    const [top, left, bottom, right] = sides;
    return this.append({
      ...{ kind: 'conv2d', name, inputs: [input], kernel, stride, dilation, groups },
      ...{ inChannels, outChannels: groups * (1 + (number % Math.ceil(6 / groups))), bias: flag },
      padding: isSame ? 'same' : { top, left, bottom, right },
    });
  }

  /** A 1x1 convolution of the input, beside it: their sum, or both. */
  branch(name: string, input: string, kind: 'add' | 'concat'): string {
    const channels = this.shapeOf(input)[0]!;
    const branch = this.append({
      ...{ kind: 'conv2d', name: `${name}.branch`, inputs: [input], inChannels: channels },
      ...{ outChannels: kind === 'add' ? channels : 2, kernel: [1, 1], stride: [1, 1] },
      ...{ padding: { top: 0, left: 0, bottom: 0, right: 0 }, dilation: [1, 1] },
      ...{ groups: 1, bias: true },
    });
    return this.append({ kind, name, inputs: [input, branch] });
  }

  choose(name: string, input: string, drawn: Choice): string {
    const { kind, kernel, stride, flag } = drawn;
    const channels = this.shapeOf(input)[0]!;
    const inputs = [input];
    switch (kind) {
      case 'conv2d':
        return this.conv(name, input, drawn);
      case 'batchNorm':
        return this.append({ kind, name, inputs, channels, epsilon: 1e-2, momentum: 0.1 });
      case 'maxPool': {
        const window = { kernel, stride, dilation: [1, 1] as const, ceilMode: flag };
        return this.append({ kind, name, inputs, ...window, padding: poolPadding(drawn) });
      }
      case 'avgPool': {
        const window = { kernel, stride, countIncludePad: flag };
        return this.append({ kind, name, inputs, ...window, padding: poolPadding(drawn) });
      }
      case 'affine': {
        const scale = Array.from({ length: channels }, (_, c) => 0.8 + 0.3 * (c % 3));
        return this.append({ kind, name, inputs, scale, shift: scale.map((s) => s - 1) });
      }
      case 'dropout':
        return this.append({ kind, name, inputs, probability: 0.3 });
      case 'residual':
        return this.branch(name, input, 'add');
      case 'concat':
        return this.branch(name, input, 'concat');
      case 'relu6':
        return this.append({ kind, name, inputs });
      default:
        return this.append({ kind: 'relu', name, inputs });
    }
  }

  linear(name: string, input: string, outFeatures: number): string {
    const inFeatures = this.shapeOf(input)[0]!;
    return this.append({
      kind: 'linear',
      name,
      inputs: [input],
      inFeatures,
      outFeatures,
      bias: true,
    });
  }

  pooledRow(prefix: string, input: string, outputSize: Pair): string {
    const name = `${prefix}pool`;
    const pooled = this.append({ kind: 'adaptiveAvgPool', name, inputs: [input], outputSize });
    return this.append({ kind: 'flatten', name: `${prefix}flat`, inputs: [pooled] });
  }
}

/** The network of the choices, for images of [C, size, size]. */
export function randomNetwork(drawn: NetworkChoices, inputChannels: number, size: number): Network {
  const net = new RandomNetworkBuilder([inputChannels, size, size]);
  let x = imagesName;
  let middle = imagesName;
  for (const [i, each] of drawn.choices.entries()) {
    x = net.choose(`layer${i}`, x, each);
    if (i <= drawn.choices.length / 2) middle = x;
  }
  const auxiliary = drawn.hasAuxiliary
    ? net.linear('auxiliary', net.pooledRow('auxiliary.', middle, [1, 1]), drawn.numClasses)
    : undefined;
  x = net.pooledRow('', x, drawn.outputSize);
  if (drawn.hasHiddenLayer) {
    x = net.append({ kind: 'relu', name: 'relu', inputs: [net.linear('hidden', x, 5)] });
    x = net.append({ kind: 'dropout', name: 'dropped', inputs: [x], probability: 0.5 });
  }
  const classifier = net.linear('classifier', x, drawn.numClasses);
  return {
    layers: net.layers,
    inputChannels,
    classifier,
    output: classifier,
    auxiliaryClassifiers: auxiliary === undefined ? [] : [auxiliary],
    containers: new Map(),
    initialisation: { conv2d: torchDefault, linear: torchDefault },
  };
}
