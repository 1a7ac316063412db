import type { ModelSpec, OnnxModelSpec } from '../config/run-spec.js';
import type { Preprocessing } from '../data/preprocessing.js';
import { FtctlError } from '../errors/index.js';
import { openBackbone } from './backbone/open-backbone.js';
import { dependentsOf, outputLayer } from './layer-names.js';
import { featuresOf, replacedLayers } from './network.js';
import { lowerNetwork } from './onnx/lower-network.js';
import type { PrepareOptions } from './prepare-model.js';
import { preprocessingOf } from './preprocessing-of.js';
import { checkArchitecture, describeNetwork } from './registry.js';
import { inferShapes, type Shape } from './shapes.js';
import { openWeights } from './weights/open-weights.js';

/** The part of a pretrained network that one of its layers needs. */
export interface LayerGraph {
  /** The layer whose output it is. */
  readonly layer: string;
  /** Of one image. */
  readonly shape: Shape;
  /** ONNX: `images` [N, 3, S, S], normalised, to {@link layerOutputName} [N, ...shape]. */
  readonly graph: Uint8Array;
  readonly preprocessing: Preprocessing;
}

/** The graph's name for the layer's output. */
export const layerOutputName = 'features';

/**
 * Lowers a pretrained network up to a layer or module (null: the one that the classifier takes). Rejects with FT_MODEL_LAYER, also
 * for layers that need the classifier, which pretrained weights lose; or as {@link prepareModel} does.
 */
export async function layerGraph(
  spec: ModelSpec,
  wanted: string | null,
  options: Omit<PrepareOptions, 'numClasses'>,
): Promise<LayerGraph> {
  const { imageSize, cacheDir, onProgress, signal } = options;
  const preprocessing = preprocessingOf(spec, options);
  if ('onnx' in spec) return backboneOutput(spec, wanted, preprocessing);
  const { architecture, width } = spec;
  checkArchitecture(architecture, width);
  const weights = await openWeights(spec, options);
  const loaded = await weights.load({
    ...{ cacheDir, normalisation: preprocessing },
    numClasses: 1,
    onProgress: (progress) => onProgress?.({ what: 'weights', ...progress }),
    ...(signal === undefined ? {} : { signal }),
  });
  const network = describeNetwork(loaded.spec);
  const layer = wanted === null ? featuresOf(network) : outputLayer(network, wanted);
  const replaced = replacedLayers(network).map(({ name }) => name);
  if (dependentsOf(network, replaced).has(layer)) {
    const features = featuresOf(network);
    throw new FtctlError('FT_MODEL_LAYER', {
      what: `${wanted ?? layer} is the classifier, or needs its results.`,
      why: 'A classifier of pretrained weights is of other classes and is not kept.',
      remedy: `The last layer before it is ${features}.`,
      details: { layer, features },
    });
  }
  return {
    layer,
    shape: inferShapes(network, imageSize, layer).get(layer)!,
    graph: lowerNetwork(network, loaded.tensors, {
      ...{ imageSize, output: layer, outputName: layerOutputName },
    }),
    preprocessing,
  };
}

/** A backbone of the user's own has one output that can be used. */
async function backboneOutput(
  spec: OnnxModelSpec,
  wanted: string | null,
  preprocessing: Preprocessing,
): Promise<LayerGraph> {
  if (wanted !== null) {
    throw new FtctlError('FT_MODEL_LAYER', {
      what: `There is no layer ${JSON.stringify(wanted)} to choose in ${spec.onnx}.`,
      why: 'An ONNX backbone has outputs, of which `model.output` names one.',
      remedy: 'Leave out the layer, or set `model.output`.',
      details: { layer: wanted },
    });
  }
  const { imageSize } = preprocessing;
  const { graph, numFeatures } = await openBackbone(spec, {
    ...{ imageSize, normalisation: preprocessing },
  });
  return { layer: spec.output ?? layerOutputName, shape: [numFeatures], graph, preprocessing };
}
