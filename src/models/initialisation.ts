/** How random weights are drawn. Fan in: number of inputs of one output value; fan out: channels out times kernel area. */

export type Distribution =
  /** N(0, 2 / fan). */
  | { readonly kind: 'kaimingNormal'; readonly fan: 'in' | 'out' }
  /** U(-b, b) with b = sqrt(6 / ((1 + slope^2) * fan in)). */
  | { readonly kind: 'kaimingUniform'; readonly slope: number }
  | { readonly kind: 'normal'; readonly standardDeviation: number };

export interface LayerInitialisation {
  readonly weight: Distribution;
  /** `default`: PyTorch's, U(-b, b) with b = 1 / sqrt(fan in). */
  readonly bias: 'zero' | 'default';
}

/** How torchvision draws an architecture's weights. Batch norms begin as the identity everywhere. */
export interface Initialisation {
  readonly conv2d: LayerInitialisation;
  readonly linear: LayerInitialisation;
  /** By layer name, what differs. */
  readonly exceptions?: Readonly<Record<string, LayerInitialisation>>;
}

/** nn.Conv2d and nn.Linear by themselves: with slope sqrt(5) the bound is 1 / sqrt(fan in). */
export const torchDefault: LayerInitialisation = {
  weight: { kind: 'kaimingUniform', slope: Math.sqrt(5) },
  bias: 'default',
};

export const kaimingFanOut: LayerInitialisation = {
  weight: { kind: 'kaimingNormal', fan: 'out' },
  bias: 'zero',
};

/** N(0, deviation^2), with biases of zero. */
export function normal(standardDeviation: number): LayerInitialisation {
  return { weight: { kind: 'normal', standardDeviation }, bias: 'zero' };
}
