import { architectureAliases } from '../../config/architecture-aliases.js';
import { headOf } from '../head.js';
import { layersUpTo, type Layer, type Network } from '../network.js';
import {
  architectureNames,
  defaultImageSize,
  describeNetwork,
  torchvisionSpec,
} from '../registry.js';
import { inferShapes, smallestImageSize, type Shape } from '../shapes.js';
import { layerTensors, numElements } from '../tensor-specs.js';
import { nsfwjsModelNames, nsfwjsModels } from '../weights/tfjs/nsfwjs-models.js';
import { publishedWeights } from '../weights/torchvision-files.js';
import { multiplyAdds } from './multiply-adds.js';

/** Classes of the published weights: ImageNet-1k. */
export const publishedClasses = 1000;

export interface ArchitectureSummary {
  readonly name: string;
  /** Family names that mean this architecture. */
  readonly aliases: readonly string[];
  /** With the published number of classes, auxiliary classifiers included. */
  readonly numParameters: number;
  /** Side in pixels of the images that its published weights were trained on; the rest is for that size. */
  readonly imageSize: number;
  /** Side of the smallest images that it takes. */
  readonly smallestImageSize: number;
  /** Values that the frozen network gives for an image. */
  readonly numFeatures: number;
  readonly multiplyAdds: number;
  /** As `model.weights` takes them. */
  readonly weights: readonly string[];
}

/** Weights that can be fetched, as `model.weights` takes them. */
export function knownWeights(architecture: string): string[] {
  return [
    ...publishedWeights(architecture).map(({ name }) => `torchvision:${architecture}/${name}`),
    ...nsfwjsModelNames
      .filter((name) => nsfwjsModels[name].architecture === architecture)
      .map((name) => `npm:nsfwjs@4.4.0#${name}`),
  ];
}

/** Of all layers that the output needs, for one image. */
export function totalMultiplyAdds(network: Network, shapes: ReadonlyMap<string, Shape>): number {
  return layersUpTo(network, network.output).reduce(
    (sum, layer) => sum + multiplyAdds(layer, shapes.get(layer.name)!),
    0,
  );
}

/** Elements of the layers' trainable tensors. */
export function numParameters(layers: readonly Layer[]): number {
  return layers
    .flatMap(layerTensors)
    .filter(({ role }) => role === 'parameter')
    .reduce((sum, { shape }) => sum + numElements(shape), 0);
}

function summary(name: string): ArchitectureSummary {
  const network = describeNetwork(torchvisionSpec(name, 1, publishedClasses));
  const imageSize = defaultImageSize(name);
  return {
    name,
    aliases: Object.keys(architectureAliases).filter(
      (alias) => architectureAliases[alias] === name,
    ),
    numParameters: numParameters(network.layers),
    imageSize,
    smallestImageSize: smallestImageSize(network),
    numFeatures: headOf(network, imageSize).numFeatures,
    multiplyAdds: totalMultiplyAdds(network, inferShapes(network, imageSize)),
    weights: knownWeights(name),
  };
}

/** All architectures, in the registry's order. */
export function listArchitectures(): ArchitectureSummary[] {
  return architectureNames.map(summary);
}
