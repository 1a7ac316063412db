/** What an optimizer moves: parameters, and a place for each of two moments, all of the same length. */
export interface OptimizerTensors {
  readonly parameters: Float32Array;
  /** Adam's `exp_avg`; SGD's momentum buffer. */
  readonly firstMoments: Float32Array;
  /** Adam's `exp_avg_sq`; SGD leaves it alone. */
  readonly secondMoments: Float32Array;
}

/**
 * `length` neighbouring elements: of the gradient from `gradientOffset` on, of parameters and moments from `parameterOffset` on. Each
 * element is moved by itself, so a range cut in two gives the same bits.
 */
export interface ElementRange {
  readonly gradientOffset: number;
  readonly parameterOffset: number;
  readonly length: number;
}

/** Where an update is, of a group of parameters. */
export interface UpdatePlace {
  /** Counts updates from 1 since the moments were fresh. */
  readonly step: number;
  /** Of this update. */
  readonly learningRate: number;
  readonly weightDecay: number;
}
