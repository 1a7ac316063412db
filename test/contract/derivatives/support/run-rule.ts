import { OnnxSession, type TensorValue } from '../../../../src/engines/onnx-session.js';
import type { Rule } from '../../../../src/models/derivatives/rule.js';
import type { Layer } from '../../../../src/models/network.js';
import { GraphBuilder } from '../../../../src/models/onnx/graph-builder.js';
import { numElements } from '../../../../src/models/tensor-specs.js';
import type { RuleCase } from './rule-case.js';

/** What a rule's graph computed; the rows of a shard side by side. */
export interface RuleResults {
  /** [N, ...outputShape] */
  readonly output: Float32Array;
  /** [N, ...shape], or undefined where it was not wanted. */
  readonly inputs: readonly (Float32Array | undefined)[];
  /**
   * By suffix, [S, length], or [length] where a rule gives the sum over the shards; batch norm's statistics are `batch_mean` and
   * `batch_var`, [S, C].
   */
  readonly tensors: ReadonlyMap<string, Float32Array>;
}

/** The graph's names for what goes in and comes out. */
const names = {
  input: (i: number) => `input.${i}`,
  dOutput: 'd_output',
  rowMask: 'row_mask',
  dropoutMask: 'dropout_mask',
  output: 'result',
  dInput: (i: number) => `result.input.${i}`,
  dTensor: (suffix: string) => `result.tensor.${suffix}`,
};

interface BuiltRule {
  readonly model: Uint8Array;
  readonly dInputs: readonly boolean[];
  readonly tensors: readonly string[];
  readonly usesRowMask: boolean;
  readonly usesDropoutMask: boolean;
}

/** Forward and backward of one layer as a graph of its own. Throws if the rule leaves out a gradient that was wanted. */
function ruleGraph<L extends Layer>(rule: Rule<L>, wanted: RuleCase<L>): BuiltRule {
  const { layer, inputShapes, outputShape, S, B, tensors, constants, trained } = wanted;
  const N = S * B;
  const graph = new GraphBuilder('rule');
  const inputs = inputShapes.map((shape, i) => graph.input(names.input(i), 'float', [N, ...shape]));
  const values = new Map(
    [...tensors].map(([suffix, { shape, values: data }]) => {
      const name = `${layer.name}.${suffix}`;
      const value = constants.has(suffix)
        ? graph.constant(name, shape, data)
        : graph.input(name, 'float', shape);
      return [suffix, value];
    }),
  );
  const masks = { row: false, dropout: false };
  const taken = new Set<string>();
  const forward = rule(
    {
      graph,
      layer,
      inputShapes,
      outputShape,
      numShards: S,
      rowsPerShard: B,
      batchNorm: wanted.batchNorm,
      isTraining: wanted.isTraining,
      sumsShards: wanted.sumsShards,
      rowMask: () => {
        if (!masks.row) graph.input(names.rowMask, 'float', [N, 1]);
        masks.row = true;
        return names.rowMask;
      },
      dropoutMask: () => {
        if (!masks.dropout) graph.input(names.dropoutMask, 'float', [N, ...outputShape]);
        masks.dropout = true;
        return names.dropoutMask;
      },
      tensor: (suffix) => {
        const value = values.get(suffix);
        if (value === undefined) throw new Error(`${layer.name} has no ${suffix}`);
        return value;
      },
      constant: (suffix) => (constants.has(suffix) ? tensors.get(suffix)?.values : undefined),
      isTrained: (suffix) => trained.has(suffix),
      name: (suffix) => {
        const name = `${layer.name}/${suffix}`;
        if (taken.has(name)) throw new Error(`two values are called ${name}`);
        taken.add(name);
        return name;
      },
    },
    inputs,
  );
  const dOutput = graph.input(names.dOutput, 'float', [N, ...outputShape]);
  const gradients = forward.backward(dOutput, wanted.wanted);
  const result = (name: string, value: string, shape: readonly number[]) => {
    graph.node('Reshape', name, [value, graph.integers(`${name}.shape`, shape)]);
    graph.output(
      name,
      'float',
      shape.map((side) => (side === -1 ? 'any' : side)),
    );
  };
  result(names.output, forward.output, [N, ...outputShape]);
  wanted.wanted.forEach((isWanted, i) => {
    const value = gradients.inputs[i];
    if (isWanted !== (value !== undefined)) throw new Error(`gradient of input ${i}: ${value}`);
    if (value !== undefined) result(names.dInput(i), value, [N, ...inputShapes[i]!]);
  });
  const given = [...gradients.tensors.keys()].sort();
  if (given.join() !== [...trained].sort().join()) {
    throw new Error(`gradients of ${given.join()}, trained are ${[...trained].join()}`);
  }
  for (const [suffix, value] of gradients.tensors) {
    // Of one shard, or of each.
    result(names.dTensor(suffix), value, [-1, numElements(tensors.get(suffix)!.shape)]);
  }
  const { statistics } = forward;
  if (statistics !== undefined) {
    const channels = [S, outputShape[0]!];
    result(names.dTensor('batch_mean'), statistics.mean, channels);
    result(names.dTensor('batch_var'), statistics.variance, channels);
  }
  return {
    model: graph.build(),
    dInputs: wanted.wanted,
    tensors: [...given, ...(statistics === undefined ? [] : ['batch_mean', 'batch_var'])],
    usesRowMask: masks.row,
    usesDropoutMask: masks.dropout,
  };
}

/** Runs a rule's forward and backward part in onnxruntime on the case's values. */
export async function runRule<L extends Layer>(
  rule: Rule<L>,
  wanted: RuleCase<L>,
): Promise<RuleResults> {
  const { layer, inputShapes, outputShape, S, B, tensors, constants } = wanted;
  const N = S * B;
  const built = ruleGraph(rule, wanted);
  const feeds: Record<string, TensorValue> = {
    [names.dOutput]: { data: wanted.dOutput, dims: [N, ...outputShape] },
  };
  wanted.inputs.forEach((data, i) => {
    feeds[names.input(i)] = { data, dims: [N, ...inputShapes[i]!] };
  });
  for (const [suffix, { shape, values }] of tensors) {
    if (!constants.has(suffix)) feeds[`${layer.name}.${suffix}`] = { data: values, dims: shape };
  }
  if (built.usesRowMask) feeds[names.rowMask] = { data: wanted.rowMask, dims: [N, 1] };
  if (built.usesDropoutMask) {
    feeds[names.dropoutMask] = { data: wanted.dropoutMask, dims: [N, ...outputShape] };
  }
  const session = await OnnxSession.open(built.model, { provider: 'cpu', threads: 1 });
  try {
    const results = await session.run(feeds);
    return {
      output: results[names.output]!,
      inputs: built.dInputs.map((given, i) => (given ? results[names.dInput(i)]! : undefined)),
      tensors: new Map(built.tensors.map((suffix) => [suffix, results[names.dTensor(suffix)]!])),
    };
  } finally {
    await session.close();
  }
}
