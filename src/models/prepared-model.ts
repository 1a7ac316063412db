import type { Preprocessing } from '../data/preprocessing.js';
import type { PreparedPhase, StateTensor } from './prepared-phase.js';

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

/** A batch norm whose running statistics move. */
export interface MovedStatistics {
  readonly layer: string;
  /** C */
  readonly channels: number;
  /** Weight of the newest batch in the running statistics. */
  readonly momentum: number;
}

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
  /** ONNX: the frozen prefix of the first phase, batch norm folded. */
  readonly backboneSha256: string;
  /** safetensors: the pretrained tensors, without the classifier (weights-blob.ts). Of a user's own backbone: the backbone. */
  readonly weightsSha256: string;
  readonly head: HeadDescription;
  /** `new`: drawn (head.ts). `kept`: the weights have it, of a run with the same classes. */
  readonly classifier: 'new' | 'kept';
  readonly preprocessing: Preprocessing;
  /** The run's, in order. */
  readonly phases: readonly PreparedPhase[];
  /** What a phase trains, of all phases: the parameters of the training state, in its order (parameter-layout.ts). */
  readonly parameters: readonly StateTensor[];
  /** The batch norms whose running statistics a phase moves, sorted by layer: the statistics of the state (run-tensors.ts). */
  readonly statistics: readonly MovedStatistics[];
}
