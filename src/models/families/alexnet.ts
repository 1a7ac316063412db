import { torchDefault } from '../initialisation.js';
import { NetworkBuilder, symmetric } from '../network-builder.js';
import { imagesName, type Network } from '../network.js';

/** torchvision's alexnet: Krizhevsky 2014 ("One weird trick"), one column. */
export function alexnet(numClasses: number): Network {
  const net = new NetworkBuilder('AlexNet', { conv2d: torchDefault, linear: torchDefault });
  let index = 0;
  const feature = () => `features.${index++}`;
  const conv = (input: string, channels: number, kernel: number, padding: number, stride = 1) => {
    const window = { kernel, stride, padding: symmetric(padding), bias: true };
    const x = net.conv(feature(), input, channels, window);
    return net.relu(feature(), x);
  };
  const pool = (input: string) => net.maxPool(feature(), input, { kernel: 3, stride: 2 });
  let x = pool(conv(imagesName, 64, 11, 2, 4));
  x = pool(conv(x, 192, 5, 2));
  x = conv(x, 384, 3, 1);
  x = conv(x, 256, 3, 1);
  x = pool(conv(x, 256, 3, 1));
  x = net.adaptiveAvgPool('avgpool', x, 6);
  x = net.flatten('flatten', x);
  x = net.dropout('classifier.0', x, 0.5);
  x = net.relu('classifier.2', net.linear('classifier.1', x, 4096));
  x = net.dropout('classifier.3', x, 0.5);
  x = net.relu('classifier.5', net.linear('classifier.4', x, 4096));
  return net.build({ classifier: net.linear('classifier.6', x, numClasses) });
}
