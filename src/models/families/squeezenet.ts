import { normal, type LayerInitialisation } from '../initialisation.js';
import { NetworkBuilder, symmetric } from '../network-builder.js';
import { imagesName, type Network } from '../network.js';

const convolutions: LayerInitialisation = {
  weight: { kind: 'kaimingUniform', slope: 0 },
  bias: 'zero',
};
/** There are no linear layers. */
const initialisation = {
  conv2d: convolutions,
  linear: convolutions,
  exceptions: { 'classifier.1': normal(0.01) },
};

/** A Fire module's width of `squeeze`; each of the two `expand`s has `expand` channels. */
type Fire = readonly [squeeze: number, expand: number];

interface Version {
  readonly first: { readonly channels: number; readonly kernel: number };
  /** What comes after the first convolution: `pool`, or a Fire module. */
  readonly body: readonly ('pool' | Fire)[];
}

/** Iandola et al. 2016, table 1, and version 1.1 of its authors, which pools earlier. */
export const squeezenets: Readonly<Record<string, Version>> = {
  squeezenet1_0: {
    first: { channels: 96, kernel: 7 },
    body: [
      'pool',
      ...([
        [16, 64],
        [16, 64],
        [32, 128],
      ] as const),
      'pool',
      ...([
        [32, 128],
        [48, 192],
        [48, 192],
        [64, 256],
      ] as const),
      'pool',
      [64, 256],
    ],
  },
  squeezenet1_1: {
    first: { channels: 64, kernel: 3 },
    body: [
      'pool',
      ...([
        [16, 64],
        [16, 64],
      ] as const),
      'pool',
      ...([
        [32, 128],
        [32, 128],
      ] as const),
      'pool',
      ...([
        [48, 192],
        [48, 192],
        [64, 256],
        [64, 256],
      ] as const),
    ],
  },
};

/** A 1x1 convolution to few channels; then, side by side, a 1x1 and a 3x3 convolution to many. */
function fire(net: NetworkBuilder, name: string, input: string, [squeeze, expand]: Fire): string {
  net.container(name, 'Fire');
  const activated = (part: string, from: string, channels: number, kernel: number) => {
    const padding = symmetric((kernel - 1) / 2);
    const x = net.conv(`${name}.${part}`, from, channels, { kernel, padding, bias: true });
    return net.relu(`${name}.${part}_activation`, x);
  };
  const x = activated('squeeze', input, squeeze, 1);
  const expanded = [activated('expand1x1', x, expand, 1), activated('expand3x3', x, expand, 3)];
  return net.concat(`${name}.cat`, ...expanded);
}

/** torchvision's squeezenet1_0 and squeezenet1_1: the classifier is a convolution. */
export function squeezenet({ first, body }: Version, numClasses: number): Network {
  const net = new NetworkBuilder('SqueezeNet', initialisation);
  let x = net.conv('features.0', imagesName, first.channels, {
    kernel: first.kernel,
    stride: 2,
    bias: true,
  });
  x = net.relu('features.1', x);
  for (const [index, part] of body.entries()) {
    const name = `features.${index + 2}`;
    x =
      part === 'pool'
        ? net.maxPool(name, x, { kernel: 3, stride: 2, ceilMode: true })
        : fire(net, name, x, part);
  }
  x = net.dropout('classifier.0', x, 0.5);
  x = net.conv('classifier.1', x, numClasses, { kernel: 1, bias: true });
  x = net.relu('classifier.2', x);
  x = net.adaptiveAvgPool('classifier.3', x, 1);
  const output = net.flatten('flatten', x);
  return net.build({ classifier: 'classifier.1', output });
}
