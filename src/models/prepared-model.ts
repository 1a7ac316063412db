import type { Preprocessing } from '../data/preprocessing.js';

interface HeadBase {
  /** torchvision's names, e.g. `fc.weight` and `fc.bias`. */
  readonly weightName: string;
  readonly biasName: string;
  /** F: the number of values that the frozen network gives for an image. */
  readonly numFeatures: number;
  /** K */
  readonly numClasses: number;
}

/** logits = features * weight^T + bias, with weight [K, F] and bias [K]. */
export interface LinearHead extends HeadBase {
  readonly kind: 'linear';
}

/**
 * squeezenet's classifier: logits = mean over H * W of relu(1x1 convolution of the features + bias), with features [C, H, W]
 * (flat: F = C * H * W), weight [K, C, 1, 1] and bias [K].
 */
export interface ConvPoolHead extends HeadBase {
  readonly kind: 'convPool';
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

/** The classifier that is trained, behind the frozen network. */
export type HeadDescription = LinearHead | ConvPoolHead;

/**
 * A model that is ready to be trained: what the coordinator prepares once and every worker uses. Plain JSON, no
 * paths: files are blobs, named by their SHA-256, in the cache folder (`blobs/<sha256>`).
 */
export interface PreparedModel {
  /** `onnx`: a backbone of the user's own. */
  readonly architecture: string;
  readonly width: number;
  /** `torchvision`: a state dict of it can be written. `tensorflow`: TF-padded, ONNX only. `onnx`: the user's own, likewise. */
  readonly convention: 'torchvision' | 'tensorflow' | 'onnx';
  readonly numClasses: number;
  /** ONNX: the frozen prefix, batch norm folded. */
  readonly backboneSha256: string;
  /** safetensors: the pretrained tensors, without the classifier. Of a user's own backbone: the backbone. */
  readonly weightsSha256: string;
  readonly head: HeadDescription;
  readonly preprocessing: Preprocessing;
}
