import type { BlobStore } from '../../util/blob-store.js';
import type { PreparedModel } from '../prepared-model.js';
import { describeNetwork, type NetworkSpec } from '../registry.js';
import type { Network } from '../network.js';
import type { TensorSet } from './tensor-set.js';
import { decodeWeightsBlob } from './weights-blob.js';

/** What a run was prepared with. */
export interface RunWeights {
  readonly spec: NetworkSpec;
  /** With the run's classes. */
  readonly network: Network;
  /** In state-dict order; without the classifier where it is a new one. */
  readonly tensors: TensorSet;
}

/**
 * Reads the network and the weights of a prepared model from their blob; null for a backbone of the user's own, of which nothing is
 * known but its graph. Rejects with FT_BLOB_MISSING, FT_BLOB_DAMAGED or FT_WEIGHTS_DAMAGED.
 */
export async function readRunWeights(
  {
    convention,
    numClasses,
    weightsSha256,
  }: Pick<PreparedModel, 'convention' | 'numClasses' | 'weightsSha256'>,
  blobs: BlobStore,
): Promise<RunWeights | null> {
  if (convention === 'onnx') return null;
  const bytes = await blobs.read(weightsSha256);
  const blob = decodeWeightsBlob(bytes, blobs.path(weightsSha256));
  const spec = { ...blob.spec, numClasses };
  return { spec, network: describeNetwork(spec), tensors: blob.tensors };
}
