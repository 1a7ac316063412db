import { expect } from 'vitest';
import { CounterRng } from '../../../../src/data/rng.js';
import type { Rule } from '../../../../src/models/derivatives/rule.js';
import type { Layer } from '../../../../src/models/network.js';
import type { Shape } from '../../../../src/models/shapes.js';
import { ruleCase, selectShards, type RuleCase, type RuleCaseOptions } from './rule-case.js';
import { runRule, type RuleResults } from './run-rule.js';

/** One shard's values in float64: what a reference computes a layer of. */
export interface ShardValues<L extends Layer> {
  readonly layer: L;
  readonly rows: number;
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** Each [B, ...shape]. */
  readonly inputs: readonly Float64Array[];
  readonly tensors: ReadonlyMap<string, Float64Array>;
  /** [B] */
  readonly rowMask: Float64Array;
  /** [B, ...outputShape] */
  readonly dropoutMask: Float64Array;
  readonly batchNorm: 'frozen' | 'shard';
  readonly isTraining: boolean;
}

/** A layer's forward pass on one shard, [B, ...outputShape], written plainly; with batch norm's statistics, each [C]. */
export type Reference<L extends Layer> = (values: ShardValues<L>) => {
  readonly output: Float64Array;
  readonly mean?: Float64Array;
  readonly variance?: Float64Array;
};

export interface CheckOptions extends RuleCaseOptions {
  /** Largest |difference| over the largest |expected value| of a tensor; default 2e-5. */
  readonly tolerance?: number;
  /** Elements of each tensor and shard whose finite difference is taken; default 40, drawn at random. */
  readonly numProbes?: number;
  /** Half the width of a central difference; default 1e-4 (keep it below the distance of inputs from kinks). */
  readonly step?: number;
}

/** Largest absolute difference over the largest absolute expected value. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, scale] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    // Comparisons with NaN are false: it must not pass.
    if (!Number.isFinite(actual[i]!)) return Infinity;
    difference = Math.max(difference, Math.abs(actual[i]! - expected[i]!));
    scale = Math.max(scale, Math.abs(expected[i]!));
  }
  return difference === 0 ? 0 : difference / Math.max(scale, 1e-6);
}

const shardOf = (values: Float32Array, shard: number, S: number): Float32Array => {
  const each = values.length / S;
  return values.subarray(shard * each, (shard + 1) * each);
};

function shardValues<L extends Layer>(whole: RuleCase<L>, shard: number): ShardValues<L> {
  const { layer, inputShapes, outputShape, S, B, batchNorm, isTraining } = whole;
  const wide = (values: Float32Array) => Float64Array.from(shardOf(values, shard, S));
  return {
    ...{ layer, inputShapes, outputShape, batchNorm, isTraining },
    rows: B,
    inputs: whole.inputs.map(wide),
    tensors: new Map([...whole.tensors].map(([k, { values }]) => [k, Float64Array.from(values)])),
    rowMask: wide(whole.rowMask),
    dropoutMask: wide(whole.dropoutMask),
  };
}

/** The elements of a tensor that are probed: all, or as many as are asked for. */
function probesOf(length: number, numProbes: number, key: string): number[] {
  if (length <= numProbes) return Array.from({ length }, (_, i) => i);
  const rng = new CounterRng(7, 'probes', key);
  return Array.from({ length: numProbes }, (_, i) => Math.floor(rng.uniform(i) * length));
}

/**
 * Expects a rule to agree with its layer: the output with the reference's, and each gradient with central differences of
 * sum(dOutput * output) in float64, for every shard.
 */
export async function checkRule<L extends Layer>(
  rule: Rule<L>,
  reference: Reference<L>,
  layer: L,
  inputShapes: readonly Shape[],
  options: CheckOptions,
): Promise<RuleResults> {
  const whole = ruleCase(layer, inputShapes, options);
  const results = await runRule(rule, whole);
  const { S } = whole;
  const { tolerance = 2e-5, numProbes = 40, step = 1e-4 } = options;
  const errors: Record<string, number> = {};
  const compare = (what: string, actual: ArrayLike<number>, expected: ArrayLike<number>) => {
    if (actual.length !== expected.length) throw new Error(`${what}: ${actual.length} values`);
    const error = relativeError(actual, expected);
    if (!(error <= tolerance)) errors[what] = error;
  };
  for (let shard = 0; shard < S; shard++) {
    const values = shardValues(whole, shard);
    const forward = reference(values);
    compare(`shard ${shard}: output`, shardOf(results.output, shard, S), forward.output);
    const { mean, variance } = forward;
    for (const [suffix, expected] of Object.entries({ batch_mean: mean, batch_var: variance })) {
      const actual = results.tensors.get(suffix);
      if ((actual === undefined) !== (expected === undefined)) throw new Error(`${suffix} missing`);
      if (actual === undefined || expected === undefined) continue;
      compare(`shard ${shard}: ${suffix}`, shardOf(actual, shard, S), expected);
    }
    const dOutput = shardOf(whole.dOutput, shard, S);
    const loss = () => reference(values).output.reduce((sum, y, i) => sum + y * dOutput[i]!, 0);
    const compareGradient = (what: string, gradient: Float32Array, variable: Float64Array) => {
      const actual = shardOf(gradient, shard, S);
      if (actual.length !== variable.length) throw new Error(`${what}: ${actual.length} values`);
      const probes = probesOf(variable.length, numProbes, `${what} ${shard}`);
      const differences = probes.map((i) => {
        const value = variable[i]!;
        variable[i] = value + step;
        const above = loss();
        variable[i] = value - step;
        const below = loss();
        variable[i] = value;
        return (above - below) / (2 * step);
      });
      const name = `shard ${shard}: gradient of ${what}`;
      compare(
        name,
        probes.map((i) => actual[i]!),
        differences,
      );
    };
    results.inputs.forEach((gradient, i) => {
      if (gradient !== undefined) compareGradient(`input ${i}`, gradient, values.inputs[i]!);
    });
    for (const suffix of whole.trained) {
      compareGradient(suffix, results.tensors.get(suffix)!, values.tensors.get(suffix)!);
    }
  }
  expect({ layer, inputShapes, options, errors }).toEqual({
    ...{ layer, inputShapes, options },
    errors: {},
  });
  return results;
}

const bitsOf = (values: Float32Array, shard: number, S: number): Buffer => {
  const part = shardOf(values, shard, S);
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
};

/**
 * Expects each shard to have the same bits in any company: all together, each alone, in reverse, and in the second half. (On
 * one thread, as the engine's: how onnxruntime divides a product between threads depends on its number of rows.)
 */
export async function checkShardBits<L extends Layer>(
  rule: Rule<L>,
  layer: L,
  inputShapes: readonly Shape[],
  options: RuleCaseOptions,
): Promise<void> {
  const whole = ruleCase(layer, inputShapes, options);
  const { S } = whole;
  const together = await runRule(rule, whole);
  const all = Array.from({ length: S }, (_, i) => i);
  const companies = [all.toReversed(), all.slice(S / 2), ...all.map((shard) => [shard])];
  for (const shards of companies) {
    const results = await runRule(rule, selectShards(whole, shards));
    const pairs = [
      ['output', results.output, together.output] as const,
      ...results.inputs.map((a, i) => [`input ${i}`, a, together.inputs[i]] as const),
      ...[...results.tensors].map(([k, a]) => [k, a, together.tensors.get(k)] as const),
    ];
    const differing = pairs.flatMap(([what, a, b]) => {
      if (a === undefined || b === undefined) return [];
      return shards.flatMap((shard, place) =>
        bitsOf(a, place, shards.length).equals(bitsOf(b, shard, S)) ? [] : [`${what} of ${shard}`],
      );
    });
    expect({ layer, inputShapes, options, shards, differing }).toEqual({
      ...{ layer, inputShapes, options, shards },
      differing: [],
    });
  }
}

/** The fixed tree's sum of S vectors side by side, S being a power of two: of neighbours, then of neighbouring sums. */
function treeSum(values: Float32Array, S: number): Float32Array {
  if (S === 1) return values;
  const half = values.length / 2;
  const left = treeSum(values.subarray(0, half), S / 2);
  const right = treeSum(values.subarray(half), S / 2);
  return left.map((value, i) => value + right[i]!);
}

/** Expects the sum over shards, where a rule gives it for `suffix`, to be that of the shards' own gradients, bit for bit. */
export async function checkShardSum<L extends Layer>(
  rule: Rule<L>,
  layer: L,
  inputShapes: readonly Shape[],
  suffix: string,
  options: RuleCaseOptions,
): Promise<void> {
  const each = ruleCase(layer, inputShapes, options);
  const summed = ruleCase(layer, inputShapes, { ...options, sumsShards: true });
  const ofShards = (await runRule(rule, each)).tensors.get(suffix)!;
  const sum = (await runRule(rule, summed)).tensors.get(suffix)!;
  expect(sum.length).toBe(ofShards.length / each.S);
  expect(bitsOf(sum, 0, 1).equals(bitsOf(treeSum(ofShards, each.S), 0, 1))).toBe(true);
}
