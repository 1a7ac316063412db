import type { ShardBatch } from '../../../src/engines/gradient-engine.js';
import { CounterRng } from '../../../src/data/rng.js';
import type { ConvPoolHead } from '../../../src/models/prepared-model.js';

export interface HeadSizes {
  readonly numShards: number;
  readonly rowsPerShard: number;
  readonly numFeatures: number;
  readonly numClasses: number;
}

export const headOfSize = (numFeatures: number, numClasses: number) => ({
  kind: 'linear' as const,
  weightName: 'fc.weight',
  biasName: 'fc.bias',
  numFeatures,
  numClasses,
});

/** squeezenet's: a 1x1 convolution on an image of features, relu, mean. */
export const convHeadOfSize = (
  channels: number,
  height: number,
  width: number,
  numClasses: number,
): ConvPoolHead => ({
  kind: 'convPool',
  weightName: 'classifier.1.weight',
  biasName: 'classifier.1.bias',
  numFeatures: channels * height * width,
  ...{ numClasses, channels, height, width },
});

/** Uniform values in [-scale, scale), seeded. */
export function randomFloats(length: number, scale: number, seed: number): Float32Array {
  const rng = new CounterRng(seed, 'test-values');
  return Float32Array.from({ length }, (_, i) => (2 * rng.uniform(i) - 1) * scale);
}

/** A batch like a real one: features of about 1, all labels, some padding rows, and weights other than 1. */
export function randomBatch(sizes: HeadSizes, seed: number): ShardBatch {
  const { numShards, rowsPerShard, numFeatures, numClasses } = sizes;
  const rows = numShards * rowsPerShard;
  const rng = new CounterRng(seed, 'test-batch');
  return {
    numShards,
    rowsPerShard,
    features_SBF: randomFloats(rows * numFeatures, 2, seed),
    labels_SB: Int32Array.from({ length: rows }, (_, i) =>
      Math.floor(rng.uniform(2 * i) * numClasses),
    ),
    rowWeights_SB: Float32Array.from({ length: rows }, (_, i) => {
      const u = rng.uniform(2 * i + 1);
      return u < 0.2 ? 0 : u < 0.6 ? 1 : 2 * u;
    }),
  };
}

/** The batch of the named shards of another, in that order. */
export function selectShards(batch: ShardBatch, shards: readonly number[]): ShardBatch {
  const pick = <T extends Float32Array | Int32Array>(values: T, make: (length: number) => T): T => {
    const each = values.length / batch.numShards;
    const out = make(each * shards.length);
    shards.forEach((shard, i) => {
      out.set(values.subarray(shard * each, (shard + 1) * each), i * each);
    });
    return out;
  };
  return {
    numShards: shards.length,
    rowsPerShard: batch.rowsPerShard,
    features_SBF: pick(batch.features_SBF, (n) => new Float32Array(n)),
    labels_SB: pick(batch.labels_SB, (n) => new Int32Array(n)),
    rowWeights_SB: pick(batch.rowWeights_SB, (n) => new Float32Array(n)),
  };
}

/** The exact bits of one shard's part of a result, as text that compares fast. */
export function bitsOfShard(values: Float32Array, shard: number, numShards: number): string {
  const each = values.length / numShards;
  const part = values.subarray(shard * each, (shard + 1) * each);
  return Buffer.from(part.buffer, part.byteOffset, part.byteLength).toString('latin1');
}
