import { kaimingFanOut, normal } from '../initialisation.js';
import { NetworkBuilder, symmetric } from '../network-builder.js';
import { imagesName, type Network } from '../network.js';

interface Variant {
  /** Number of 3x3 convolutions of each of the five stages. */
  readonly stages: readonly [number, number, number, number, number];
  readonly batchNorm: boolean;
}

/** Simonyan and Zisserman 2014, table 1: configurations A, B, D and E. */
const configurations = {
  vgg11: [1, 1, 2, 2, 2],
  vgg13: [2, 2, 2, 2, 2],
  vgg16: [2, 2, 3, 3, 3],
  vgg19: [2, 2, 4, 4, 4],
} as const;

/** Channels of the stages' convolutions. */
const channels = [64, 128, 256, 512, 512] as const;

export const vggs: Readonly<Record<string, Variant>> = Object.fromEntries(
  Object.entries(configurations).flatMap(([name, stages]): [string, Variant][] => [
    [name, { stages, batchNorm: false }],
    [`${name}_bn`, { stages, batchNorm: true }],
  ]),
);

/** torchvision's vgg networks. Their convolutions have a bias before a batch norm also. */
export function vgg({ stages, batchNorm }: Variant, numClasses: number): Network {
  const net = new NetworkBuilder('VGG', { conv2d: kaimingFanOut, linear: normal(0.01) });
  let index = 0;
  const feature = () => `features.${index++}`;
  let x: string = imagesName;
  for (const [stage, numConvs] of stages.entries()) {
    for (let i = 0; i < numConvs; i++) {
      const window = { kernel: 3, padding: symmetric(1), bias: true };
      x = net.conv(feature(), x, channels[stage]!, window);
      if (batchNorm) x = net.batchNorm(feature(), x);
      x = net.relu(feature(), x);
    }
    x = net.maxPool(feature(), x, { kernel: 2, stride: 2 });
  }
  x = net.adaptiveAvgPool('avgpool', x, 7);
  x = net.flatten('flatten', x);
  x = net.relu('classifier.1', net.linear('classifier.0', x, 4096));
  x = net.dropout('classifier.2', x, 0.5);
  x = net.relu('classifier.4', net.linear('classifier.3', x, 4096));
  x = net.dropout('classifier.5', x, 0.5);
  return net.build({ classifier: net.linear('classifier.6', x, numClasses) });
}
