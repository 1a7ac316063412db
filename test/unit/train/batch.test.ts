import { describe, expect, it } from 'vitest';
import { padBatch, requestOf } from '../../../src/train/batch.js';
import { addSums, stepVectors, sumsOf } from '../../../src/train/vectors.js';

const groups = [
  { samples: Int32Array.of(4, 1), views: Int32Array.of(0, 1) },
  { samples: Int32Array.of(), views: Int32Array.of() },
  { samples: Int32Array.of(2, 3, 0), views: Int32Array.of(1, 1, 0) },
];
const run = {
  plan: { rowsPerShard: 3 },
  numFeatures: 2,
  table: {
    labels: Int32Array.of(10, 11, 12, 13, 14),
    weights: Float32Array.of(1, 2, 1, 0.5, 3),
  },
};

describe('requestOf', () => {
  it('asks for the rows of all groups in order', () => {
    expect(requestOf(groups)).toEqual({
      samples: Int32Array.of(4, 1, 2, 3, 0),
      views: Int32Array.of(0, 1, 1, 1, 0),
    });
  });
});

describe('padBatch', () => {
  it('fills every group up with rows of weight, feature and label 0', () => {
    const features_RF = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10);
    expect(padBatch(groups, features_RF, run)).toEqual({
      numShards: 3,
      rowsPerShard: 3,
      features_SBF: Float32Array.of(1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 5, 6, 7, 8, 9, 10),
      labels_SB: Int32Array.of(14, 11, 0, 0, 0, 0, 12, 13, 10),
      rowWeights_SB: Float32Array.of(3, 2, 0, 0, 0, 0, 1, 0.5, 1),
      counts_S: Int32Array.of(2, 0, 3),
    });
  });
});

describe('stepVectors', () => {
  it('puts loss, weight, right answers and count behind the gradient of each shard', () => {
    const batch = padBatch(groups, new Float32Array(10), run);
    const vectors = stepVectors(batch, {
      gradients_SP: Float32Array.of(1, 2, 0, 0, 5, 6),
      losses_S: Float32Array.of(0.5, 0, 0.25),
      correct_S: Float32Array.of(1, 0, 2),
    });
    expect(vectors).toEqual([
      Float32Array.of(1, 2, 0.5, 5, 1, 2),
      Float32Array.of(0, 0, 0, 0, 0, 0),
      Float32Array.of(5, 6, 0.25, 2.5, 2, 3),
    ]);
    expect(sumsOf(vectors[2]!)).toEqual({ loss: 0.25, weight: 2.5, correct: 2, count: 3 });
  });
});

describe('addSums', () => {
  it('adds in float32, one chunk after the other', () => {
    const batch = padBatch(groups, new Float32Array(10), run);
    const results = {
      losses_S: Float32Array.of(2 ** 24, 1, 1),
      correct_S: Float32Array.of(0, 0, 0),
    };
    const inOrder = new Float32Array(4);
    for (const row of [0, 1, 2]) addSums(inOrder, batch, results, row);
    const otherwise = new Float32Array(4);
    for (const row of [1, 2, 0]) addSums(otherwise, batch, results, row);
    // 2^24 + 1 is no float32 and rounds back to 2^24; 1 + 1 + 2^24 is one.
    expect([inOrder[0], otherwise[0]]).toEqual([2 ** 24, 2 ** 24 + 2]);
  });
});
