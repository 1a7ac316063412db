import { torchDefault } from '../../../src/models/initialisation.js';
import type { Layer, Network } from '../../../src/models/network.js';

/** A network of just these layers, for tests of what works layer by layer; the last one gives the output. */
export function networkOf(layers: readonly Layer[]): Network {
  const output = layers.at(-1)!.name;
  return {
    layers,
    inputChannels: 3,
    classifier: output,
    output,
    auxiliaryClassifiers: [],
    containers: new Map(),
    initialisation: { conv2d: torchDefault, linear: torchDefault },
  };
}
