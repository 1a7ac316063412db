import { NetworkBuilder, symmetric } from '../network-builder.js';
import { imagesName, type Network } from '../network.js';

/** Number of basic blocks of each of the four stages (He et al. 2015, table 1). */
export const basicResnets: Readonly<Record<string, readonly [number, number, number, number]>> = {
  resnet18: [2, 2, 2, 2],
  resnet34: [3, 4, 6, 3],
};

/** Two 3x3 convolutions and a shortcut, which is a strided 1x1 convolution where the shape changes. */
function basicBlock(
  net: NetworkBuilder,
  name: string,
  input: string,
  planes: number,
  stride: number,
): string {
  let x = net.conv(`${name}.conv1`, input, planes, { kernel: 3, stride, padding: symmetric(1) });
  x = net.batchNorm(`${name}.bn1`, x);
  x = net.simple('relu', `${name}.relu`, x);
  x = net.conv(`${name}.conv2`, x, planes, { kernel: 3, padding: symmetric(1) });
  x = net.batchNorm(`${name}.bn2`, x);
  let shortcut = input;
  if (stride !== 1 || net.channels(input) !== planes) {
    shortcut = net.conv(`${name}.downsample.0`, input, planes, { kernel: 1, stride });
    shortcut = net.batchNorm(`${name}.downsample.1`, shortcut);
  }
  x = net.simple('add', `${name}.add`, x, shortcut);
  return net.simple('relu', `${name}.relu_1`, x);
}

/** torchvision's resnet18 and resnet34. */
export function basicResnet(
  blocks: readonly [number, number, number, number],
  numClasses: number,
): Network {
  const net = new NetworkBuilder(3);
  let x = net.conv('conv1', imagesName, 64, { kernel: 7, stride: 2, padding: symmetric(3) });
  x = net.batchNorm('bn1', x);
  x = net.simple('relu', 'relu', x);
  x = net.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: symmetric(1) });
  for (const [stage, numBlocks] of blocks.entries()) {
    for (let block = 0; block < numBlocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = basicBlock(net, `layer${stage + 1}.${block}`, x, 64 << stage, stride);
    }
  }
  x = net.globalAverage('avgpool', 'flatten', x);
  net.linear('fc', x, numClasses);
  return { layers: net.layers, inputChannels: 3, classifier: 'fc', output: 'fc' };
}
