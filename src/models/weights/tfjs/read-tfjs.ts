import type { NetworkSpec } from '../../registry.js';
import type { StoredTensor } from '../tensor-set.js';
import { readGraphModel, type GraphModel } from './graph-model.js';
import { isLayersModel, readLayersModel, type LayersModel } from './layers-model.js';
import { mapLayersModel } from './map-layers-model.js';
import { mapMobilenetGraph } from './mobilenet-graph.js';

export interface TfjsNetwork {
  readonly spec: NetworkSpec;
  /** Without the classifier, by the names of our description. */
  readonly tensors: Map<string, StoredTensor>;
}

/** A tfjs model as it is read, before it is compared with a network of ours. */
export type TfjsModel =
  | { readonly format: 'tfjs-layers'; readonly model: LayersModel }
  | { readonly format: 'tfjs-graph'; readonly model: GraphModel };

/**
 * Reads a tfjs model from its model.json and the bytes of its weight files. Throws an Error that says what is wrong; the caller
 * knows the file's name.
 */
export function readTfjs(json: unknown, shardBytes: (path: string) => Uint8Array): TfjsModel {
  return isLayersModel(json)
    ? { format: 'tfjs-layers', model: readLayersModel(json, shardBytes) }
    : { format: 'tfjs-graph', model: readGraphModel(json, shardBytes) };
}

/** A tfjs model as one of our networks. Throws an Error that says what does not fit. */
export function mapTfjs(
  { format, model }: TfjsModel,
  options: Pick<NetworkSpec, 'architecture' | 'width' | 'numClasses'>,
): TfjsNetwork {
  if (format === 'tfjs-layers') return mapLayersModel(model, options);
  const { architecture, ...rest } = options;
  if (architecture !== 'mobilenet_v2') {
    throw new Error(`of graph models mobilenet_v2 is read, not ${architecture}`);
  }
  return mapMobilenetGraph(model, rest);
}
