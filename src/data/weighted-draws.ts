import { CounterRng } from './rng.js';

/** One shard's samples of one epoch, in order, and of each how often it was drawn before in this epoch. */
export interface WeightedDraws {
  readonly samples: Int32Array;
  readonly repeats: Int32Array;
}

/**
 * Epochs in which every class comes equally often, in expectation: each shard draws as many samples as it has, of its own alone and with
 * replacement, a sample with a weight that depends on its class (torch.utils.data.WeightedRandomSampler, by shards). `shards` are
 * places in `labels`; `numClasses` bounds the labels.
 */
export function weightedDraws(
  shards: readonly Int32Array[],
  labels: (sample: number) => number,
  numClasses: number,
  seed: number,
): (epoch: number, shard: number) => WeightedDraws {
  const counts_SK = shards.map((shard) => {
    const counts = new Float64Array(numClasses);
    for (const sample of shard) counts[labels(sample)]! += 1;
    return counts;
  });
  const weights_K = balancingWeights(counts_SK);
  const cumulative = shards.map((shard) => {
    let end = 0;
    return Float64Array.from(shard, (sample) => (end += weights_K[labels(sample)]!));
  });
  return (epoch, shard) => {
    const own = shards[shard]!;
    const rng = new CounterRng(seed, 'weighted', epoch, shard);
    const ends = cumulative[shard]!;
    const timesDrawn = new Int32Array(own.length);
    const samples = new Int32Array(own.length);
    const repeats = new Int32Array(own.length);
    for (let i = 0; i < own.length; i += 1) {
      const at = firstAbove(ends, rng.uniform(i) * ends.at(-1)!);
      samples[i] = own[at]!;
      repeats[i] = timesDrawn[at]!;
      timesDrawn[at]! += 1;
    }
    return { samples, repeats };
  };
}

/** Of the fitting: when it is near enough, and when it is given up. */
const tolerance = 1e-9;
const maxRounds = 1000;
const maxSpread = 1e12;

/**
 * A weight for the samples of each class [K], so that shards which draw as many samples as they have, each in proportion to the weights,
 * draw every class equally often in expectation. `1 / n_c`, for n_c samples of a class, does that where each shard has the same part of
 * every class; otherwise shards which lack a class draw the others more often. The weights that make up for that are found by iterative
 * proportional fitting (Deming and Stephan 1940) of the expected numbers [S, K] to the shards' sizes and to equal classes. A class that
 * would need more than all draws of the shards that have it gets nearly all of them: its weight stops at 10^12 times the smallest.
 */
export function balancingWeights(counts_SK: readonly Float64Array[]): Float64Array {
  const sizes = counts_SK.map(sum);
  const totals = counts_SK[0]!.map((_, k) => sum(counts_SK.map((counts) => counts[k]!)));
  const present = [...totals.keys()].filter((k) => totals[k]! > 0);
  const wanted = sum(sizes) / present.length;
  const weights = totals.map((total) => (total > 0 ? 1 / total : 0));
  for (let round = 0; round < maxRounds; round += 1) {
    const expected = expectedDraws(counts_SK, sizes, weights);
    if (present.every((k) => Math.abs(expected[k]! - wanted) < tolerance * wanted)) break;
    for (const k of present) weights[k] = (weights[k]! * wanted) / expected[k]!;
    const own = present.map((k) => weights[k]!);
    if (Math.max(...own) > maxSpread * Math.min(...own)) break;
  }
  return weights;
}

/** How often each class comes in an epoch of all shards [K]. */
function expectedDraws(
  counts_SK: readonly Float64Array[],
  sizes: readonly number[],
  weights: Float64Array,
): Float64Array {
  const expected = new Float64Array(weights.length);
  counts_SK.forEach((counts, shard) => {
    if (sizes[shard] === 0) return;
    const shares = counts.map((count, k) => count * weights[k]!);
    const scale = sizes[shard]! / sum(shares);
    shares.forEach((share, k) => {
      expected[k]! += scale * share;
    });
  });
  return expected;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The first place whose value is above `value`; the last one where rounding leaves none. */
function firstAbove(ascending: Float64Array, value: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}
