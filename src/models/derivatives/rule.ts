import type { Layer } from '../network.js';
import type { GraphBuilder } from '../onnx/graph-builder.js';
import type { Shape } from '../shapes.js';

/**
 * Reverse-mode differentiation, a rule for each kind of layer. A training graph has a fixed number of rows: S shards of B rows each,
 * N = S * B, the rows of a shard side by side. Activations are [N, ...shape], gradients of activations likewise, and gradients of
 * parameters are one for each shard, [S, ...shape].
 *
 * A shard's results must have the same bits whatever S is and wherever it stands. So nothing is summed over shards, and every sum
 * of more than one rounding is an operator whose order one shard alone fixes: a matrix product of a shape that does not depend on
 * S (batched over S), or a convolution, which onnxruntime computes row by row. (ReduceSum's order depends on memory alignment.)
 */
export interface RuleContext<L extends Layer = Layer> {
  readonly graph: GraphBuilder;
  readonly layer: L;
  /** Of one row, without N. */
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** S */
  readonly numShards: number;
  /** B */
  readonly rowsPerShard: number;
  /** How trained batch norms normalise. */
  readonly batchNorm: 'frozen' | 'shard';
  /** Whether this is a training pass: dropout drops, batch norm may use the microbatch's statistics. */
  readonly isTraining: boolean;
  /**
   * Whether the gradients of tensors will be added up over the shards, a power of two of them: then a rule may give the sum instead, by
   * the fixed tree (products.ts), so that large ones are not written out for each shard.
   */
  readonly sumsShards: boolean;
  /** [N, 1] float: 1 for a row that counts, 0 for padding. Asked for only where it is needed. */
  rowMask(): string;
  /** [N, ...shape of the output] float: 0, or 1 / (1 - probability) where the element stays. */
  dropoutMask(): string;
  /** The graph's value of one of the layer's tensors (`weight`, `bias`, `running_mean`, `running_var`), in the state dict's shape. */
  tensor(suffix: string): string;
  /** Its values, where they are constants of the graph: then a rule may fold them. */
  constant(suffix: string): Float32Array | undefined;
  /** Whether the gradient of this tensor is wanted. */
  isTrained(suffix: string): boolean;
  /** A unique name for a value of this layer. */
  name(suffix: string): string;
}

/** What the backward part of a rule gives. */
export interface LayerGradients {
  /** For each input: the gradient [N, ...shape], or undefined where it was not wanted. */
  readonly inputs: readonly (string | undefined)[];
  /**
   * By suffix, for the trained tensors: [S, ...], the elements of each shard in the tensor's own order; any shape of S * length elements.
   * With `sumsShards` it may be of length elements: the sum over the shards.
   */
  readonly tensors: ReadonlyMap<string, string>;
}

export interface LayerForward {
  /** [N, ...outputShape] */
  readonly output: string;
  /** Of a batch norm that normalises by the microbatch: its mean and unbiased variance, each [S, C] in any shape. */
  readonly statistics?: { readonly mean: string; readonly variance: string };
  /** Adds the backward part. `wanted`: for which inputs the gradient is needed. */
  backward(dOutput: string, wanted: readonly boolean[]): LayerGradients;
}

export type Rule<L extends Layer = Layer> = (
  context: RuleContext<L>,
  inputs: readonly string[],
) => LayerForward;
