import { CounterRng } from '../../../src/data/rng.js';
import type { RowMix, ShardBatch } from '../../../src/engines/phase-engine.js';

export interface BatchSizes {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly numFeatures: number;
  readonly numClasses: number;
}

/** Uniform values in [-scale, scale), seeded. */
export function randomFloats(length: number, scale: number, seed: number): Float32Array {
  const rng = new CounterRng(seed, 'test-values');
  return Float32Array.from({ length }, (_, i) => (2 * rng.uniform(i) - 1) * scale);
}

/**
 * A batch like a real one: features of about 1, smoothed and weighted targets, shards of every size from full to none, and a sample's id
 * for each row. Without dropout and mixup.
 */
export function randomBatch(sizes: BatchSizes, seed: number): ShardBatch {
  const { numShards, rowsPerShard, numFeatures, numClasses } = sizes;
  const rows = numShards * rowsPerShard;
  const rng = new CounterRng(seed, 'test-batch');
  const batch = {
    numShards,
    rowsPerShard,
    features_SBF: randomFloats(rows * numFeatures, 2, seed),
    targets_SBK: new Float32Array(rows * numClasses),
    labels_SB: new Int32Array(rows).fill(-1),
    weights_S: new Float32Array(numShards),
    counts_S: new Float32Array(numShards),
    mix: null,
    dropout: null,
  };
  const smoothing = 0.1;
  for (let shard = 0; shard < numShards; shard += 1) {
    // Shard 2 has no rows, shard 5 lacks one; there is at least one otherwise.
    const count = shard % 8 === 2 ? 0 : Math.max(1, rowsPerShard - Number(shard % 8 === 5));
    for (let i = 0; i < rowsPerShard; i += 1) {
      const row = shard * rowsPerShard + i;
      if (i >= count) {
        batch.features_SBF.fill(0, row * numFeatures, (row + 1) * numFeatures);
        continue;
      }
      const label = Math.floor(rng.uniform(2 * row) * numClasses);
      const weight = Math.fround(0.5 + rng.uniform(2 * row + 1));
      batch.labels_SB[row] = label;
      for (let k = 0; k < numClasses; k += 1) {
        const share = Number(k === label) * (1 - smoothing) + smoothing / numClasses;
        batch.targets_SBK[row * numClasses + k] = weight * share;
      }
      batch.weights_S[shard] = batch.weights_S[shard]! + weight;
      batch.counts_S[shard] = batch.counts_S[shard]! + 1;
    }
  }
  return batch;
}

/** A partner and a lambda for each row that is no padding. */
export function randomMix(batch: ShardBatch, seed: number): RowMix {
  const { rowsPerShard, labels_SB, counts_S } = batch;
  const rng = new CounterRng(seed, 'test-mix');
  return {
    partners_SB: labels_SB.map((label, row) =>
      label < 0
        ? row % rowsPerShard
        : Math.floor(rng.uniform(2 * row) * counts_S[Math.floor(row / rowsPerShard)]!),
    ),
    lambdas_SB: Float32Array.from(labels_SB, (label, row) =>
      label < 0 || row % 3 === 0 ? 1 : rng.uniform(2 * row + 1),
    ),
  };
}

/** Draws of dropout for each row's own sample. */
export function withDropout(batch: ShardBatch, step: number): ShardBatch {
  const samples = Array.from(batch.labels_SB, (label, row) => (label < 0 ? '' : `sample-${row}`));
  return { ...batch, dropout: { seed: 3, step, samples } };
}

/** The batch of the named shards of another, in that order. */
export function selectShards(batch: ShardBatch, shards: readonly number[]): ShardBatch {
  const { numShards, mix, dropout } = batch;
  const pick = <T extends Float32Array | Int32Array>(values: T): T => {
    const each = values.length / numShards;
    const length = each * shards.length;
    const out = (
      values instanceof Float32Array ? new Float32Array(length) : new Int32Array(length)
    ) as T;
    shards.forEach((shard, i) => {
      out.set(values.subarray(shard * each, (shard + 1) * each), i * each);
    });
    return out;
  };
  const rows = batch.rowsPerShard;
  return {
    ...batch,
    numShards: shards.length,
    features_SBF: pick(batch.features_SBF),
    targets_SBK: pick(batch.targets_SBK),
    labels_SB: pick(batch.labels_SB),
    weights_S: pick(batch.weights_S),
    counts_S: pick(batch.counts_S),
    mix: mix && { partners_SB: pick(mix.partners_SB), lambdas_SB: pick(mix.lambdas_SB) },
    dropout: dropout && {
      ...dropout,
      samples: shards.flatMap((shard) => dropout.samples.slice(shard * rows, (shard + 1) * rows)),
    },
  };
}

/** Numbers from `first` up to, but not with, `end`. */
export function range(first: number, end: number): number[] {
  return Array.from({ length: end - first }, (_, i) => first + i);
}

/** The exact bits of one shard's part of a result, as text that compares fast. */
export function bitsOfShard(values: Float32Array, shard: number, numShards: number): string {
  const each = values.length / numShards;
  const part = values.subarray(shard * each, (shard + 1) * each);
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1');
}
