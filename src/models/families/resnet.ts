import { kaimingFanOut, torchDefault } from '../initialisation.js';
import { NetworkBuilder, symmetric } from '../network-builder.js';
import { imagesName, type Network } from '../network.js';

interface Variant {
  readonly block: 'basic' | 'bottleneck';
  /** Number of blocks of each of the four stages. */
  readonly stages: readonly [number, number, number, number];
}

/** He et al. 2015, table 1. */
export const resnets: Readonly<Record<string, Variant>> = {
  resnet18: { block: 'basic', stages: [2, 2, 2, 2] },
  resnet34: { block: 'basic', stages: [3, 4, 6, 3] },
  resnet50: { block: 'bottleneck', stages: [3, 4, 6, 3] },
  resnet101: { block: 'bottleneck', stages: [3, 4, 23, 3] },
  resnet152: { block: 'bottleneck', stages: [3, 8, 36, 3] },
};

/** Adds the block's input to its output: through a strided 1x1 convolution where the shape changes. */
function withShortcut(
  net: NetworkBuilder,
  name: string,
  input: string,
  output: string,
  stride: number,
): string {
  const channels = net.channels(output);
  let shortcut = input;
  if (stride !== 1 || net.channels(input) !== channels) {
    shortcut = net.conv(`${name}.downsample.0`, input, channels, { kernel: 1, stride });
    shortcut = net.batchNorm(`${name}.downsample.1`, shortcut);
  }
  return net.add(`${name}.add`, output, shortcut);
}

type Block = (
  net: NetworkBuilder,
  name: string,
  input: string,
  planes: number,
  stride: number,
) => string;

/** Two 3x3 convolutions. */
const basicBlock: Block = (net, name, input, planes, stride) => {
  net.container(name, 'BasicBlock');
  let x = net.conv(`${name}.conv1`, input, planes, { kernel: 3, stride, padding: symmetric(1) });
  x = net.batchNorm(`${name}.bn1`, x);
  x = net.relu(`${name}.relu`, x);
  x = net.conv(`${name}.conv2`, x, planes, { kernel: 3, padding: symmetric(1) });
  x = net.batchNorm(`${name}.bn2`, x);
  x = withShortcut(net, name, input, x, stride);
  return net.relu(`${name}.relu_1`, x, { functional: true });
};

const bottleneckModules = ['conv1', 'bn1', 'conv2', 'bn2', 'conv3', 'bn3', 'relu', 'downsample'];

/** 1x1 to few channels, 3x3, 1x1 to four times as many. The stride is the 3x3 convolution's (torchvision's "V1.5"). */
const bottleneck: Block = (net, name, input, planes, stride) => {
  net.container(name, 'Bottleneck', bottleneckModules);
  let x = net.conv(`${name}.conv1`, input, planes, { kernel: 1 });
  x = net.batchNorm(`${name}.bn1`, x);
  x = net.relu(`${name}.relu`, x);
  x = net.conv(`${name}.conv2`, x, planes, { kernel: 3, stride, padding: symmetric(1) });
  x = net.batchNorm(`${name}.bn2`, x);
  x = net.relu(`${name}.relu_1`, x, { functional: true });
  x = net.conv(`${name}.conv3`, x, 4 * planes, { kernel: 1 });
  x = net.batchNorm(`${name}.bn3`, x);
  x = withShortcut(net, name, input, x, stride);
  return net.relu(`${name}.relu_2`, x, { functional: true });
};

/** torchvision's resnets. */
export function resnet({ block, stages }: Variant, numClasses: number): Network {
  const net = new NetworkBuilder('ResNet', { conv2d: kaimingFanOut, linear: torchDefault });
  const addBlock = block === 'basic' ? basicBlock : bottleneck;
  let x = net.conv('conv1', imagesName, 64, { kernel: 7, stride: 2, padding: symmetric(3) });
  x = net.batchNorm('bn1', x);
  x = net.relu('relu', x);
  x = net.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: symmetric(1) });
  for (const [stage, numBlocks] of stages.entries()) {
    for (let index = 0; index < numBlocks; index++) {
      const stride = stage > 0 && index === 0 ? 2 : 1;
      x = addBlock(net, `layer${stage + 1}.${index}`, x, 64 << stage, stride);
    }
  }
  x = net.adaptiveAvgPool('avgpool', x, 1);
  x = net.flatten('flatten', x);
  return net.build({ classifier: net.linear('fc', x, numClasses) });
}
