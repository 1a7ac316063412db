import fc from 'fast-check';
import { torchDefault } from '../../../src/models/initialisation.js';
import { NetworkBuilder, symmetric } from '../../../src/models/network-builder.js';
import { imagesName, type Network } from '../../../src/models/network.js';

const layerChoice = fc.record({
  kind: fc.constantFrom('conv', 'norm', 'relu', 'pool', 'add', 'concat', 'dropout'),
  /** Which of the values so far it reads, counted from the newest. */
  first: fc.nat(3),
  second: fc.nat(3),
  channels: fc.constantFrom(2, 4),
  inBlock: fc.boolean(),
});

const networkChoice = fc.record({
  layers: fc.array(layerChoice, { minLength: 3, maxLength: 14 }),
  auxiliary: fc.option(fc.nat(6), { nil: undefined }),
  numClasses: fc.integer({ min: 2, max: 4 }),
});

type NetworkChoice = typeof networkChoice extends fc.Arbitrary<infer T> ? T : never;

/** Maps keep the images' size, so that any two of as many channels can be added, and any two joined. */
function build({ layers, auxiliary, numClasses }: NetworkChoice): Network {
  const net = new NetworkBuilder('Random', { conv2d: torchDefault, linear: torchDefault });
  const values = [
    net.conv('stem', imagesName, 4, { kernel: 3, padding: symmetric(1), bias: true }),
  ];
  for (const [i, { kind, first, second, channels, inBlock }] of layers.entries()) {
    const name = `${inBlock ? `block${Math.floor(i / 3)}.` : ''}${kind}${i}`;
    const a = values.at(-1 - (first % values.length))!;
    const b = values.at(-1 - (second % values.length))!;
    const isAddable = net.channels(a) === net.channels(b);
    switch (kind) {
      case 'conv':
        values.push(net.conv(name, a, channels, { kernel: 3, padding: symmetric(1), groups: 2 }));
        break;
      case 'norm':
        values.push(net.batchNorm(name, a));
        break;
      case 'relu':
        values.push(net.relu(name, a));
        break;
      case 'pool':
        values.push(net.maxPool(name, a, { kernel: 3, stride: 1, padding: symmetric(1) }));
        break;
      case 'add':
        values.push(isAddable ? net.add(name, a, b) : net.concat(name, a, b));
        break;
      case 'concat':
        values.push(net.concat(name, a, b));
        break;
      case 'dropout':
        values.push(net.dropout(name, a, 0.5));
        break;
    }
  }
  const logits = (prefix: string, input: string): string => {
    const pooled = net.adaptiveAvgPool(`${prefix}pool`, input, 1);
    return net.linear(`${prefix}fc`, net.flatten(`${prefix}flatten`, pooled), numClasses);
  };
  const auxiliaryClassifiers =
    auxiliary === undefined ? [] : [logits('aux.', values[auxiliary % values.length]!)];
  return net.build({ classifier: logits('', values.at(-1)!), auxiliaryClassifiers });
}

/** Networks of a few small layers in random order, with shortcuts, dropout and perhaps an auxiliary classifier; of 8-pixel images, say. */
export const randomNetwork: fc.Arbitrary<Network> = networkChoice.map(build);
