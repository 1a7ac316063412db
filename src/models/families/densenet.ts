import { torchDefault } from '../initialisation.js';
import { NetworkBuilder, symmetric } from '../network-builder.js';
import { imagesName, type Network } from '../network.js';

interface Variant {
  /** Channels that each dense layer adds. */
  readonly growth: number;
  /** Channels of the first convolution. */
  readonly initial: number;
  /** Number of dense layers of each of the four blocks. */
  readonly blocks: readonly [number, number, number, number];
}

/** Huang et al. 2016, table 1. */
export const densenets: Readonly<Record<string, Variant>> = {
  densenet121: { growth: 32, initial: 64, blocks: [6, 12, 24, 16] },
  densenet161: { growth: 48, initial: 96, blocks: [6, 12, 36, 24] },
  densenet169: { growth: 32, initial: 64, blocks: [6, 12, 32, 32] },
  densenet201: { growth: 32, initial: 64, blocks: [6, 12, 48, 32] },
};

/** Width of the 1x1 convolution in a dense layer, in units of the growth. */
const bottleneckFactor = 4;

const initialisation = {
  conv2d: { weight: { kind: 'kaimingNormal', fan: 'in' }, bias: 'zero' },
  linear: { weight: torchDefault.weight, bias: 'zero' },
} as const;

/** Batch norm, relu, 1x1 convolution, and the same with a 3x3 convolution: of all that the block has so far. */
function denseLayer(
  net: NetworkBuilder,
  name: string,
  inputs: readonly string[],
  growth: number,
): string {
  net.container(name, '_DenseLayer');
  let x = inputs.length === 1 ? inputs[0]! : net.concat(`${name}.cat`, ...inputs);
  x = net.relu(`${name}.relu1`, net.batchNorm(`${name}.norm1`, x));
  x = net.conv(`${name}.conv1`, x, bottleneckFactor * growth, { kernel: 1 });
  x = net.relu(`${name}.relu2`, net.batchNorm(`${name}.norm2`, x));
  return net.conv(`${name}.conv2`, x, growth, { kernel: 3, padding: symmetric(1) });
}

/** Halves channels and size. */
function transition(net: NetworkBuilder, name: string, input: string): string {
  net.container(name, '_Transition');
  let x = net.relu(`${name}.relu`, net.batchNorm(`${name}.norm`, input));
  x = net.conv(`${name}.conv`, x, Math.floor(net.channels(x) / 2), { kernel: 1 });
  return net.avgPool(`${name}.pool`, x, { kernel: 2, stride: 2 });
}

/** torchvision's densenets, with the layer names of its newer files (`denselayer1.norm1`, not `denselayer1.norm.1`). */
export function densenet({ growth, initial, blocks }: Variant, numClasses: number): Network {
  const net = new NetworkBuilder('DenseNet', initialisation);
  let x = net.conv('features.conv0', imagesName, initial, {
    kernel: 7,
    stride: 2,
    padding: symmetric(3),
  });
  x = net.relu('features.relu0', net.batchNorm('features.norm0', x));
  x = net.maxPool('features.pool0', x, { kernel: 3, stride: 2, padding: symmetric(1) });
  for (const [block, numLayers] of blocks.entries()) {
    const name = `features.denseblock${block + 1}`;
    net.container(name, '_DenseBlock');
    const outputs = [x];
    for (let i = 1; i <= numLayers; i++) {
      outputs.push(denseLayer(net, `${name}.denselayer${i}`, outputs, growth));
    }
    x = net.concat(`${name}.cat`, ...outputs);
    if (block + 1 < blocks.length) x = transition(net, `features.transition${block + 1}`, x);
  }
  x = net.batchNorm('features.norm5', x);
  x = net.relu('relu', x, { functional: true });
  x = net.adaptiveAvgPool('adaptive_avg_pool2d', x, 1, { functional: true });
  x = net.flatten('flatten', x);
  return net.build({ classifier: net.linear('classifier', x, numClasses) });
}
