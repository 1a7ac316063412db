import { describe, expect, it } from 'vitest';
import { targetsOf, type TargetRules } from '../../../src/train/targets.js';

const plain: TargetRules = { classWeights_K: null, labelSmoothing: 0, mix: null };

/** Two shards of two rows, the last one padding. */
const rows = {
  rowsPerShard: 2,
  numClasses: 3,
  labels_SB: Int32Array.of(2, 0, 1, -1),
};

describe('targetsOf', () => {
  it('has 1 at the label of a row, and nothing for padding', () => {
    const { targets_SBK, weights_S } = targetsOf(rows, plain);
    expect([...targets_SBK]).toEqual([0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0]);
    expect([...weights_S]).toEqual([2, 1]);
  });

  it('spreads a part of a label over all classes, by their weights', () => {
    const classWeights_K = Float32Array.of(2, 4, 8);
    const { targets_SBK, weights_S } = targetsOf(rows, {
      ...plain,
      classWeights_K,
      labelSmoothing: 0.75,
    });
    // Of the first row, label 2: 8 * 0.25 at its label, and 0.25 of each weight
    expect([...targets_SBK.subarray(0, 3)]).toEqual([0.5, 1, 2 + 2]);
    // Of the third, label 1: 4 * 0.25 at its label
    expect([...targets_SBK.subarray(6)]).toEqual([0.5, 1 + 1, 2, 0, 0, 0]);
    // The mean divides by the weights of the labels alone.
    expect([...weights_S]).toEqual([8 + 2, 4]);
  });

  it('mixes targets and weights with those of the partner in the shard', () => {
    const mix = {
      partners_SB: Int32Array.of(1, 0, 0, 1),
      lambdas_SB: Float32Array.of(0.25, 1, 0.5, 1),
    };
    const classWeights_K = Float32Array.of(2, 4, 8);
    const { targets_SBK, weights_S } = targetsOf(rows, { ...plain, classWeights_K, mix });
    expect([...targets_SBK]).toEqual([0.75 * 2, 0, 0.25 * 8, 2, 0, 0, 0, 4, 0, 0, 0, 0]);
    expect([...weights_S]).toEqual([0.75 * 2 + 0.25 * 8 + 2, 4]);
  });
});
