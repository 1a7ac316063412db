import type { NetworkSpec } from '../../registry.js';
import type { StoredTensor } from '../tensor-set.js';
import { readGraphModel } from './graph-model.js';
import { isLayersModel, readLayersModel } from './layers-model.js';
import { mapLayersModel } from './map-layers-model.js';
import { mapMobilenetGraph } from './mobilenet-graph.js';

export interface TfjsNetwork {
  readonly spec: NetworkSpec;
  /** Without the classifier, by the names of our description. */
  readonly tensors: Map<string, StoredTensor>;
}

/**
 * The network of a tfjs model, from its model.json and the bytes of its weight files, as one of ours. Throws an Error that says
 * what does not fit; the caller knows the file's name.
 */
export function readTfjs(
  json: unknown,
  shardBytes: (path: string) => Uint8Array,
  options: Pick<NetworkSpec, 'architecture' | 'width' | 'numClasses'>,
): TfjsNetwork {
  if (isLayersModel(json)) return mapLayersModel(readLayersModel(json, shardBytes), options);
  const { architecture, ...rest } = options;
  const graph = readGraphModel(json, shardBytes);
  if (architecture !== 'mobilenet_v2') {
    throw new Error(`of graph models mobilenet_v2 is read, not ${architecture}`);
  }
  return mapMobilenetGraph(graph, rest);
}
