import { featuresOf, imagesName, type Layer, type Network, type Padding } from '../../network.js';
import { image, windowText, type Computation, type Window } from './computation.js';

function sides(padding: Padding): Window['padding'] {
  if (padding === 'same') return 'same';
  return [padding.top, padding.left, padding.bottom, padding.right];
}

function opOf(layer: Layer): string {
  switch (layer.kind) {
    case 'conv2d': {
      const { kernel, stride, padding, groups, outChannels, inChannels } = layer;
      const isDepthwise = groups === inChannels && groups === outChannels && groups > 1;
      const what = isDepthwise ? 'depthwise convolution' : `convolution to ${outChannels}`;
      const grouped = groups > 1 && !isDepthwise ? ` in ${groups} groups` : '';
      return `${what} ${windowText({ kernel, stride, padding: sides(padding) })}${grouped}`;
    }
    case 'maxPool':
    case 'avgPool': {
      const { kernel, stride, padding } = layer;
      const text = windowText({ kernel, stride, padding: sides(padding) });
      const isPadded = padding === 'same' || Object.values(padding).some((side) => side !== 0);
      if (layer.kind === 'maxPool') return `max ${text}${layer.ceilMode ? ' rounded up' : ''}`;
      return `average ${text}${isPadded && layer.countIncludePad ? ' counting padding' : ''}`;
    }
    default:
      return layer.kind;
  }
}

/** The layer whose maps a network averages over the image for its classifier. Throws an Error where it does not. */
export function averagedLayer(network: Network): string {
  const find = (name: string): Layer | undefined =>
    network.layers.find((layer) => layer.name === name);
  let layer = find(featuresOf(network));
  while (layer?.kind === 'flatten' || layer?.kind === 'dropout') layer = find(layer.inputs[0]!);
  if (layer?.kind !== 'adaptiveAvgPool' || layer.outputSize.join() !== '1,1') {
    throw new Error("the network's classifier does not take averages");
  }
  return layer.inputs[0]!;
}

/** What our network computes up to a layer, batch norm folded. An affine of the image is the weights' own preprocessing, and left out. */
export function networkComputation(network: Network, output: string): Computation {
  const done = new Map<string, Computation>([[imagesName, image]]);
  for (const layer of network.layers) {
    const inputs = layer.inputs.map((name) => done.get(name)!);
    const passes = ['batchNorm', 'dropout', 'affine'].includes(layer.kind);
    done.set(
      layer.name,
      passes
        ? inputs[0]!
        : {
            op: opOf(layer),
            inputs,
            layer: layer.kind === 'conv2d' ? layer.name : null,
            origin: layer.name,
          },
    );
  }
  return done.get(output)!;
}
