import { kaimingFanOut, normal } from '../initialisation.js';
import { NetworkBuilder, symmetric, type ConvOptions } from '../network-builder.js';
import { imagesName, type AffineLayer, type Network } from '../network.js';

export interface MobilenetV2Options {
  /** Width multiplier: scales the channels of every layer. */
  readonly width: number;
  /** `torchvision`: one pixel on each side of a 3x3 window. `tensorflow`: SAME, asymmetric at stride 2. */
  readonly padding: 'torchvision' | 'tensorflow';
  /** `folded`: no batch norm layers, the convolutions have a bias instead. */
  readonly batchNorm: 'separate' | 'folded';
  /** Constants that the images go through before the first layer; null for none. */
  readonly inputAffine: Pick<AffineLayer, 'scale' | 'shift'> | null;
}

/** Expansion, channels, repeats and stride of the first of the repeats (Sandler et al. 2018, table 2). */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/**
 * torchvision's `_make_divisible`: the nearest multiple of 8, at least 8, never more than a tenth below `channels`.
 * A half goes up, as `int(v + divisor / 2)` has it.
 */
export function makeDivisible(channels: number): number {
  const rounded = Math.max(8, Math.trunc((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/** torchvision's mobilenet_v2, and TensorFlow's, which differs in its padding. */
export function mobilenetV2(options: MobilenetV2Options, numClasses: number): Network {
  const { width, batchNorm, inputAffine } = options;
  const net = new NetworkBuilder('MobileNetV2', { conv2d: kaimingFanOut, linear: normal(0.01) });
  const padding3x3 = options.padding === 'tensorflow' ? 'same' : symmetric(1);

  const convolution = (
    conv: string,
    norm: string,
    input: string,
    channels: number,
    window: ConvOptions,
  ): string => {
    const bias = batchNorm === 'folded';
    const x = net.conv(conv, input, channels, { ...window, bias });
    return bias ? x : net.batchNorm(norm, x);
  };
  /** torchvision's Conv2dNormActivation: convolution `.0`, batch norm `.1`, activation `.2`. */
  const activated = (name: string, input: string, channels: number, window: ConvOptions) => {
    net.container(name, 'Conv2dNormActivation');
    const x = convolution(`${name}.0`, `${name}.1`, input, channels, window);
    return net.relu6(`${name}.2`, x);
  };

  const block = (name: string, input: string, expand: number, channels: number, stride: number) => {
    net.container(name, 'InvertedResidual');
    const inChannels = net.channels(input);
    // Python's round() takes a half to the even number; the product is an integer for every expansion above.
    const hidden = inChannels * expand;
    let part = 0;
    let x = input;
    if (expand !== 1) x = activated(`${name}.conv.${part++}`, x, hidden, { kernel: 1 });
    x = activated(`${name}.conv.${part++}`, x, hidden, {
      kernel: 3,
      stride,
      padding: padding3x3,
      groups: hidden,
    });
    x = convolution(`${name}.conv.${part}`, `${name}.conv.${part + 1}`, x, channels, { kernel: 1 });
    return stride === 1 && inChannels === channels ? net.add(`${name}.add`, input, x) : x;
  };

  let x = inputAffine === null ? imagesName : net.affine('input', imagesName, inputAffine);
  x = activated('features.0', x, makeDivisible(32 * width), {
    kernel: 3,
    stride: 2,
    padding: padding3x3,
  });
  let index = 1;
  for (const [expand, channels, repeats, firstStride] of stages) {
    for (let repeat = 0; repeat < repeats; repeat++) {
      const stride = repeat === 0 ? firstStride : 1;
      x = block(`features.${index++}`, x, expand, makeDivisible(channels * width), stride);
    }
  }
  x = activated(`features.${index}`, x, makeDivisible(1280 * Math.max(1, width)), { kernel: 1 });
  x = net.adaptiveAvgPool('adaptive_avg_pool2d', x, 1, { functional: true });
  x = net.flatten('flatten', x);
  x = net.dropout('classifier.0', x, 0.2);
  const classifier = net.linear('classifier.1', x, numClasses);
  return net.build({ classifier });
}
