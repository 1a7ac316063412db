/** What a phase of a run trains and what it is computed with. Plain JSON, part of the prepared model. */
export interface PreparedPhase {
  /** `head`: the classifier alone, behind features (engines/head-engine.ts). `network`: layers, by a training graph. */
  readonly engine: 'head' | 'network';
  /** Names of the parameters that move in this phase, sorted. */
  readonly trained: readonly string[];
  /** Batch norms (layer names, sorted) whose running statistics move: those of `batchNorm: shard`. */
  readonly statistics: readonly string[];
  /**
   * The layers (or `images`) whose outputs are a row's features, each flattened, one after the other in this order: what the phase's
   * layers take from the frozen prefix. The prefix holds nothing that moves in this or an earlier phase.
   */
  readonly boundaries: readonly string[];
  /** F: values of one row of features. */
  readonly numFeatures: number;
  /** ONNX: images to features [N, F]. */
  readonly backboneSha256: string;
}

/** A tensor of the training state, in the order of the state: sorted by name. */
export interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
}
