import type { ExplicitPadding, Layer, Network, Padding } from '../../../src/models/network.js';

/** One mistake that a description could have; the parity suite must see it. */
export interface Mutation {
  readonly architecture: string;
  readonly mistake: string;
  readonly mutate: (layer: Layer) => Layer;
}

/** The same size of the output, one pixel further up. */
function shifted(padding: Padding): ExplicitPadding {
  if (padding === 'same') throw new Error('nothing to shift');
  return { ...padding, top: padding.top - 1, bottom: padding.bottom + 1 };
}

/** Changes all layers of a kind, or the one of a name. */
function where<K extends Layer['kind']>(
  kind: K,
  change: (layer: Extract<Layer, { kind: K }>) => Partial<Layer>,
  name?: string,
): (layer: Layer) => Layer {
  return (layer) =>
    layer.kind === kind && (name === undefined || layer.name === name)
      ? ({ ...layer, ...change(layer as Extract<Layer, { kind: K }>) } as Layer)
      : layer;
}

export const mutations: readonly Mutation[] = [
  {
    architecture: 'squeezenet1_0',
    mistake: 'ceil_mode is left out',
    mutate: where('maxPool', () => ({ ceilMode: false })),
  },
  {
    architecture: 'inception_v3',
    mistake: 'averages do not count padding',
    mutate: where('avgPool', () => ({ countIncludePad: false })),
  },
  {
    architecture: 'inception_v3',
    mistake: "batch norm's epsilon is PyTorch's default",
    mutate: where('batchNorm', () => ({ epsilon: 1e-5 })),
  },
  {
    architecture: 'resnet18',
    mistake: "batch norm's epsilon is TensorFlow's",
    mutate: where('batchNorm', () => ({ epsilon: 1e-3 })),
  },
  {
    architecture: 'resnet18',
    mistake: 'one convolution is padded a pixel off',
    mutate: where('conv2d', ({ padding }) => ({ padding: shifted(padding) }), 'layer3.1.conv2'),
  },
  {
    architecture: 'densenet121',
    mistake: 'the max pool is padded a pixel off',
    mutate: where('maxPool', ({ padding }) => ({ padding: shifted(padding) })),
  },
  {
    architecture: 'densenet121',
    mistake: 'one epsilon is wrong',
    mutate: where('batchNorm', () => ({ epsilon: 1e-3 }), 'features.norm5'),
  },
  {
    architecture: 'mobilenet_v2',
    mistake: "padding is TensorFlow's",
    mutate: where('conv2d', ({ kernel }) => (kernel[0] === 3 ? { padding: 'same' } : {})),
  },
  {
    architecture: 'alexnet',
    mistake: 'one convolution is padded a pixel off',
    mutate: where('conv2d', ({ padding }) => ({ padding: shifted(padding) }), 'features.3'),
  },
];

export function mutated(network: Network, { mutate }: Mutation): Network {
  return { ...network, layers: network.layers.map(mutate) };
}
