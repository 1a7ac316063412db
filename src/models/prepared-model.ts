import type { Preprocessing } from '../data/preprocessing.js';

/** The classifier that is trained: logits = features * weight^T + bias. */
export interface HeadDescription {
  /** torchvision's names, e.g. `fc.weight` and `fc.bias`. */
  readonly weightName: string;
  readonly biasName: string;
  /** F and K: weight is [K, F], bias [K]. */
  readonly numFeatures: number;
  readonly numClasses: number;
}

/**
 * A model that is ready to be trained: what the coordinator prepares once and every worker uses. Plain JSON, no
 * paths: files are blobs, named by their SHA-256, in the cache folder (`blobs/<sha256>`).
 */
export interface PreparedModel {
  readonly architecture: string;
  readonly width: number;
  /** `torchvision`: a state dict of it can be written. `tensorflow`: TF-padded, ONNX only. */
  readonly convention: 'torchvision' | 'tensorflow';
  readonly numClasses: number;
  /** ONNX: the frozen prefix, batch norm folded. */
  readonly backboneSha256: string;
  /** safetensors: the pretrained tensors, without the classifier. */
  readonly weightsSha256: string;
  readonly head: HeadDescription;
  readonly preprocessing: Preprocessing;
}
