import { normal } from '../initialisation.js';
import { NetworkBuilder, symmetric, type ConvOptions } from '../network-builder.js';
import { imagesName, type AffineLayer, type Network, type Pair } from '../network.js';

/** TensorFlow's, from which the published weights were ported. */
const epsilon = 1e-3;

/** Draws from a normal distribution cut at 2, which is 20 deviations: a plain one. Linear biases are PyTorch's default. */
const drawn = (deviation: number) => ({ ...normal(deviation), bias: 'default' }) as const;
const initialisation = {
  conv2d: normal(0.1),
  linear: drawn(0.1),
  exceptions: { 'AuxLogits.fc': drawn(0.001) },
};

/** The input transform of torchvision's pretrained network: ImageNet's normalisation back, then to -1..1. */
export const inceptionTransform: Pick<AffineLayer, 'scale' | 'shift'> = {
  scale: [0.229 / 0.5, 0.224 / 0.5, 0.225 / 0.5],
  shift: [(0.485 - 0.5) / 0.5, (0.456 - 0.5) / 0.5, (0.406 - 0.5) / 0.5],
};

export interface InceptionV3Options {
  /** TensorFlow's does not count padding in averages, and brings no auxiliary classifier. */
  readonly convention: 'torchvision' | 'tensorflow';
  /** `folded`: convolutions have a bias and no batch norm follows them. */
  readonly batchNorm: 'separate' | 'folded';
  readonly inputAffine: Pick<AffineLayer, 'scale' | 'shift'> | null;
}

class InceptionBuilder extends NetworkBuilder {
  readonly options: InceptionV3Options;

  constructor(options: InceptionV3Options) {
    super('Inception3', initialisation);
    this.options = options;
  }
}

type Chain = readonly (readonly [part: string, channels: number, kernel: number | Pair])[];

/** One of torchvision's BasicConv2d: convolution, batch norm, relu. */
function basicConv(
  net: InceptionBuilder,
  name: string,
  input: string,
  channels: number,
  window: ConvOptions,
): string {
  net.container(name, 'BasicConv2d');
  const bias = net.options.batchNorm === 'folded';
  let x = net.conv(`${name}.conv`, input, channels, { ...window, bias });
  if (!bias) x = net.batchNorm(`${name}.bn`, x, epsilon);
  return net.relu(`${name}.relu`, x, { functional: true });
}

/** The parts of one Mixed module (Szegedy et al. 2015, figures 5 to 7 and 10). */
class Mixed {
  readonly #net: InceptionBuilder;
  readonly #name: string;
  readonly #input: string;
  #numConcats = 0;

  constructor(net: InceptionBuilder, name: string, className: string, input: string) {
    this.#net = net;
    this.#name = name;
    this.#input = input;
    net.container(name, className);
  }

  /** Convolutions in a row that keep the size. */
  chain(chain: Chain, input = this.#input): string {
    return chain.reduce((x, [part, channels, kernel]) => {
      const [height, width] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
      const padding = symmetric((height - 1) / 2, (width - 1) / 2);
      return basicConv(this.#net, `${this.#name}.${part}`, x, channels, { kernel, padding });
    }, input);
  }

  /** A 3x3 convolution that halves the size. */
  reduce(part: string, channels: number, input = this.#input): string {
    const window = { kernel: 3, stride: 2 };
    return basicConv(this.#net, `${this.#name}.${part}`, input, channels, window);
  }

  averaged(channels: number): string {
    const pooled = this.#net.avgPool(`${this.#name}.avg_pool2d`, this.#input, {
      ...{ kernel: 3, stride: 1, padding: symmetric(1), functional: true },
      countIncludePad: this.#net.options.convention === 'torchvision',
    });
    return this.chain([['branch_pool', channels, 1]], pooled);
  }

  reducedMaximum(): string {
    const window = { kernel: 3, stride: 2, functional: true };
    return this.#net.maxPool(`${this.#name}.max_pool2d`, this.#input, window);
  }

  concat(...branches: readonly string[]): string {
    const index = this.#numConcats++;
    return this.#net.concat(`${this.#name}.cat${index === 0 ? '' : `_${index}`}`, ...branches);
  }
}

function mixedA(net: InceptionBuilder, name: string, input: string, poolChannels: number): string {
  const mixed = new Mixed(net, name, 'InceptionA', input);
  return mixed.concat(
    mixed.chain([['branch1x1', 64, 1]]),
    mixed.chain([
      ['branch5x5_1', 48, 1],
      ['branch5x5_2', 64, 5],
    ]),
    mixed.chain([
      ['branch3x3dbl_1', 64, 1],
      ['branch3x3dbl_2', 96, 3],
      ['branch3x3dbl_3', 96, 3],
    ]),
    mixed.averaged(poolChannels),
  );
}

function mixedB(net: InceptionBuilder, name: string, input: string): string {
  const mixed = new Mixed(net, name, 'InceptionB', input);
  const reduced = mixed.reduce('branch3x3', 384);
  const twice = mixed.chain([
    ['branch3x3dbl_1', 64, 1],
    ['branch3x3dbl_2', 96, 3],
  ]);
  return mixed.concat(reduced, mixed.reduce('branch3x3dbl_3', 96, twice), mixed.reducedMaximum());
}

function mixedC(net: InceptionBuilder, name: string, input: string, channels: number): string {
  const mixed = new Mixed(net, name, 'InceptionC', input);
  return mixed.concat(
    mixed.chain([['branch1x1', 192, 1]]),
    mixed.chain([
      ['branch7x7_1', channels, 1],
      ['branch7x7_2', channels, [1, 7]],
      ['branch7x7_3', 192, [7, 1]],
    ]),
    mixed.chain([
      ['branch7x7dbl_1', channels, 1],
      ['branch7x7dbl_2', channels, [7, 1]],
      ['branch7x7dbl_3', channels, [1, 7]],
      ['branch7x7dbl_4', channels, [7, 1]],
      ['branch7x7dbl_5', 192, [1, 7]],
    ]),
    mixed.averaged(192),
  );
}

function mixedD(net: InceptionBuilder, name: string, input: string): string {
  const mixed = new Mixed(net, name, 'InceptionD', input);
  const small = mixed.reduce('branch3x3_2', 320, mixed.chain([['branch3x3_1', 192, 1]]));
  const large = mixed.chain([
    ['branch7x7x3_1', 192, 1],
    ['branch7x7x3_2', 192, [1, 7]],
    ['branch7x7x3_3', 192, [7, 1]],
  ]);
  return mixed.concat(small, mixed.reduce('branch7x7x3_4', 192, large), mixed.reducedMaximum());
}

function mixedE(net: InceptionBuilder, name: string, input: string): string {
  const mixed = new Mixed(net, name, 'InceptionE', input);
  const split = (from: string, first: string, second: string): string =>
    mixed.concat(
      mixed.chain([[first, 384, [1, 3]]], from),
      mixed.chain([[second, 384, [3, 1]]], from),
    );
  const single = mixed.chain([['branch1x1', 320, 1]]);
  const small = split(mixed.chain([['branch3x3_1', 384, 1]]), 'branch3x3_2a', 'branch3x3_2b');
  const large = split(
    mixed.chain([
      ['branch3x3dbl_1', 448, 1],
      ['branch3x3dbl_2', 384, 3],
    ]),
    'branch3x3dbl_3a',
    'branch3x3dbl_3b',
  );
  return mixed.concat(single, small, large, mixed.averaged(192));
}

/** A second classifier, of the 17 x 17 maps: it only trains the layers before it. */
function auxiliary(net: InceptionBuilder, name: string, input: string, numClasses: number): string {
  net.container(name, 'InceptionAux');
  let x = net.avgPool(`${name}.avg_pool2d`, input, { kernel: 5, stride: 3, functional: true });
  x = basicConv(net, `${name}.conv0`, x, 128, { kernel: 1 });
  x = basicConv(net, `${name}.conv1`, x, 768, { kernel: 5 });
  x = net.adaptiveAvgPool(`${name}.adaptive_avg_pool2d`, x, 1, { functional: true });
  x = net.flatten(`${name}.flatten`, x);
  return net.linear(`${name}.fc`, x, numClasses);
}

/** torchvision's inception_v3, its auxiliary classifier included, and TensorFlow's. */
export function inceptionV3(options: InceptionV3Options, numClasses: number): Network {
  const { convention, inputAffine } = options;
  const net = new InceptionBuilder(options);
  const pool = (name: string, input: string) => net.maxPool(name, input, { kernel: 3, stride: 2 });
  let x = inputAffine === null ? imagesName : net.affine('input', imagesName, inputAffine);
  x = basicConv(net, 'Conv2d_1a_3x3', x, 32, { kernel: 3, stride: 2 });
  x = basicConv(net, 'Conv2d_2a_3x3', x, 32, { kernel: 3 });
  x = basicConv(net, 'Conv2d_2b_3x3', x, 64, { kernel: 3, padding: symmetric(1) });
  x = pool('maxpool1', x);
  x = basicConv(net, 'Conv2d_3b_1x1', x, 80, { kernel: 1 });
  x = basicConv(net, 'Conv2d_4a_3x3', x, 192, { kernel: 3 });
  x = pool('maxpool2', x);
  x = mixedA(net, 'Mixed_5b', x, 32);
  x = mixedA(net, 'Mixed_5c', x, 64);
  x = mixedA(net, 'Mixed_5d', x, 64);
  x = mixedB(net, 'Mixed_6a', x);
  x = mixedC(net, 'Mixed_6b', x, 128);
  x = mixedC(net, 'Mixed_6c', x, 160);
  x = mixedC(net, 'Mixed_6d', x, 160);
  x = mixedC(net, 'Mixed_6e', x, 192);
  const auxiliaryClassifiers =
    convention === 'torchvision' ? [auxiliary(net, 'AuxLogits', x, numClasses)] : [];
  x = mixedD(net, 'Mixed_7a', x);
  x = mixedE(net, 'Mixed_7b', x);
  x = mixedE(net, 'Mixed_7c', x);
  x = net.adaptiveAvgPool('avgpool', x, 1);
  x = net.dropout('dropout', x, 0.5);
  x = net.flatten('flatten', x);
  const classifier = net.linear('fc', x, numClasses);
  return net.build({ classifier, auxiliaryClassifiers });
}
