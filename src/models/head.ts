import { CounterRng } from '../data/rng.js';
import { classifierOf, featuresOf, replacedLayers, type Network } from './network.js';
import { parameterLayout, type ParameterLayout } from './parameter-layout.js';
import type { HeadDescription } from './prepared-model.js';
import { inferShapes, sizeOf } from './shapes.js';
import { layerTensors, numElements } from './tensor-specs.js';
import { fillDefault } from './weights/random-weights.js';
import type { StoredTensor } from './weights/tensor-set.js';

/** The classifier of a network, as what is trained, for images of `imageSize`. */
export function headOf(network: Network, imageSize: number): HeadDescription {
  const layer = classifierOf(network);
  const names = { weightName: `${layer.name}.weight`, biasName: `${layer.name}.bias` };
  if (layer.kind === 'linear') {
    const { inFeatures, outFeatures } = layer;
    return { kind: 'linear', ...names, numFeatures: inFeatures, numClasses: outFeatures };
  }
  const { inChannels: channels, outChannels: numClasses } = layer;
  const features = inferShapes(network, imageSize).get(featuresOf(network))!;
  const [height, width] = sizeOf(features);
  const numFeatures = numElements(features);
  return { kind: 'convPool', ...names, numFeatures, numClasses, channels, height, width };
}

/** Where a head's weight ([K, F], or [K, C, 1, 1]) and bias [K] lie in the flat parameter vector. */
export function headLayout(head: HeadDescription): ParameterLayout {
  const { weightName, biasName, numClasses } = head;
  const shape =
    head.kind === 'linear' ? [numClasses, head.numFeatures] : [numClasses, head.channels, 1, 1];
  return parameterLayout([
    { name: weightName, shape },
    { name: biasName, shape: [numClasses] },
  ]);
}

/**
 * PyTorch's default for the layer that a user of it would put there, nn.Linear or nn.Conv2d: weight and bias from U(-b, b), b =
 * 1/sqrt(number of inputs of a logit). (torchvision's squeezenet draws its own classifier otherwise, from N(0, 0.01); a
 * replaced one is a new nn.Conv2d.) Each tensor has its own stream of the counter-based generator, keyed by its name.
 */
export function initialHead(head: HeadDescription, seed: number): Float32Array {
  const layout = headLayout(head);
  const parameters = new Float32Array(layout.length);
  const fanIn = head.kind === 'linear' ? head.numFeatures : head.channels;
  for (const { name, offset, length } of layout.entries) {
    fillDefault(parameters.subarray(offset, offset + length), fanIn, headRng(seed, name));
  }
  return parameters;
}

function headRng(seed: number, name: string): CounterRng {
  return new CounterRng(seed, 'initial-head', name);
}

/**
 * New tensors for what another set of classes replaces beside the head: auxiliary classifiers, which a state dict has, drawn as
 * {@link initialHead} draws.
 */
export function initialAuxiliary(network: Network, seed: number): Map<string, StoredTensor> {
  const layers = replacedLayers(network).filter(({ name }) => name !== network.classifier);
  const tensors = new Map<string, StoredTensor>();
  for (const layer of layers) {
    const specs = layerTensors(layer);
    const fanIn = numElements(specs[0]!.shape.slice(1));
    for (const { name, shape } of specs) {
      const data = new Float32Array(numElements(shape));
      fillDefault(data, fanIn, headRng(seed, name));
      tensors.set(name, { shape, data });
    }
  }
  return tensors;
}

/** The flat parameter vector as named tensors (views, not copies). */
export function headTensors(
  head: HeadDescription,
  parameters: Float32Array,
): Map<string, StoredTensor> {
  const layout = headLayout(head);
  if (parameters.length !== layout.length) {
    throw new Error(`a head of ${layout.length} parameters was given ${parameters.length}`);
  }
  return new Map(
    layout.entries.map(({ name, shape, offset, length }) => [
      name,
      { shape, data: parameters.subarray(offset, offset + length) },
    ]),
  );
}
