import type { Layer } from '../network.js';
import type { Shape } from '../shapes.js';
import { numElements } from '../tensor-specs.js';

/**
 * Multiplications with a weight that a layer does for one image, each with the addition of its product: of convolutions and linear
 * layers, as torchvision's documentation counts. `output` is the layer's output shape.
 */
export function multiplyAdds(layer: Layer, output: Shape): number {
  switch (layer.kind) {
    case 'conv2d':
      return numElements(output) * (layer.inChannels / layer.groups) * numElements(layer.kernel);
    case 'linear':
      return layer.inFeatures * layer.outFeatures;
    default:
      return 0;
  }
}
