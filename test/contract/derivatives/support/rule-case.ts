import { CounterRng } from '../../../../src/data/rng.js';
import type { Layer } from '../../../../src/models/network.js';
import { outputShape, type Shape } from '../../../../src/models/shapes.js';
import { layerTensors, numElements } from '../../../../src/models/tensor-specs.js';

/**
 * One layer to differentiate, and with what. Legend: S shards, B rows of a shard, N = S * B rows.
 */
export interface RuleCaseOptions {
  /** S */
  readonly S: number;
  /** B */
  readonly B: number;
  readonly batchNorm?: 'frozen' | 'shard';
  readonly isTraining?: boolean;
  readonly sumsShards?: boolean;
  /** Suffixes of the tensors whose gradients are wanted; default: all parameters. */
  readonly trained?: readonly string[];
  /** Suffixes of the tensors that are constants of the graph, the others being its inputs; default: none. */
  readonly constants?: readonly string[];
  /** For which inputs the gradient is wanted; default: all. */
  readonly wanted?: readonly boolean[];
  /** [N]: 0 for padding rows, whose output gradients are then zero as in training; default: all 1. */
  readonly rowMask?: readonly number[];
  readonly seed?: number;
  /** The value of an element of an input, of a uniform number in [0, 1); default: 2u - 1. */
  readonly inputValue?: (u: number) => number;
  /** Replaces the values of a tensor; default: 2u - 1, and 0.5 + u for running variances. */
  readonly tensors?: Readonly<Record<string, Float32Array>>;
}

export interface CaseTensor {
  readonly shape: Shape;
  readonly values: Float32Array;
}

/** A layer with everything that its rule's graph is run on. */
export interface RuleCase<L extends Layer = Layer> {
  readonly layer: L;
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  readonly S: number;
  readonly B: number;
  readonly batchNorm: 'frozen' | 'shard';
  readonly isTraining: boolean;
  readonly sumsShards: boolean;
  readonly trained: ReadonlySet<string>;
  readonly constants: ReadonlySet<string>;
  readonly wanted: readonly boolean[];
  /** Each [N, ...shape]. */
  readonly inputs: readonly Float32Array[];
  /** [N, ...outputShape] */
  readonly dOutput: Float32Array;
  /** By suffix. */
  readonly tensors: ReadonlyMap<string, CaseTensor>;
  /** [N] */
  readonly rowMask: Float32Array;
  /** [N, ...outputShape] */
  readonly dropoutMask: Float32Array;
}

/** Uniform numbers in [0, 1), seeded by name. */
function uniforms(seed: number, name: string, length: number): Float64Array {
  const rng = new CounterRng(seed, 'rule-case', name);
  return Float64Array.from({ length }, (_, i) => rng.uniform(i));
}

const suffixOf = (name: string): string => name.slice(name.lastIndexOf('.') + 1);

/** Draws what the options leave open. The same options give the same case. */
export function ruleCase<L extends Layer>(
  layer: L,
  inputShapes: readonly Shape[],
  options: RuleCaseOptions,
): RuleCase<L> {
  const { S, B, seed = 1, inputValue = (u: number) => 2 * u - 1 } = options;
  const N = S * B;
  const output = outputShape(layer, inputShapes);
  const specs = layerTensors(layer).filter(({ role }) => role !== 'counter');
  const parameters = specs.filter(({ role }) => role === 'parameter');
  const tensors = new Map(
    specs.map(({ name, shape }): [string, CaseTensor] => {
      const suffix = suffixOf(name);
      const draw = (u: number) => (suffix === 'running_var' ? 0.5 + u : 2 * u - 1);
      const drawn = uniforms(seed, suffix, numElements(shape)).map(draw);
      return [suffix, { shape, values: options.tensors?.[suffix] ?? Float32Array.from(drawn) }];
    }),
  );
  const rowMask = Float32Array.from(options.rowMask ?? new Array<number>(N).fill(1));
  const each = numElements(output);
  const probability = layer.kind === 'dropout' ? layer.probability : 0;
  return {
    layer,
    inputShapes,
    outputShape: output,
    ...{ S, B, tensors, rowMask },
    batchNorm: options.batchNorm ?? 'frozen',
    isTraining: options.isTraining ?? true,
    sumsShards: options.sumsShards ?? false,
    trained: new Set(options.trained ?? parameters.map(({ name }) => suffixOf(name))),
    constants: new Set(options.constants),
    wanted: options.wanted ?? inputShapes.map(() => true),
    inputs: inputShapes.map((shape, i) =>
      Float32Array.from(uniforms(seed, `input ${i}`, N * numElements(shape)).map(inputValue)),
    ),
    dOutput: Float32Array.from(
      uniforms(seed, 'dOutput', N * each),
      (u, i) => (2 * u - 1) * rowMask[Math.floor(i / each)]!,
    ),
    dropoutMask: Float32Array.from(uniforms(seed, 'dropout', N * each), (u) =>
      u < probability ? 0 : 1 / (1 - probability),
    ),
  };
}

const partOf = (values: Float32Array, shard: number, S: number): Float32Array => {
  const each = values.length / S;
  return values.slice(shard * each, (shard + 1) * each);
};

/** The case of these shards of another, in that order. */
export function selectShards<L extends Layer>(
  whole: RuleCase<L>,
  shards: readonly number[],
): RuleCase<L> {
  const pick = (values: Float32Array): Float32Array => {
    const each = values.length / whole.S;
    const out = new Float32Array(each * shards.length);
    shards.forEach((shard, i) => {
      out.set(partOf(values, shard, whole.S), i * each);
    });
    return out;
  };
  return {
    ...whole,
    S: shards.length,
    inputs: whole.inputs.map(pick),
    dOutput: pick(whole.dOutput),
    rowMask: pick(whole.rowMask),
    dropoutMask: pick(whole.dropoutMask),
  };
}
