import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statisticsLayout } from '../../../src/models/run-tensors.js';
import { moveStatistics } from '../../../src/train/statistics.js';

const moved = [
  { layer: 'bn1', channels: 2, momentum: 0.1 },
  { layer: 'bn2', channels: 1, momentum: 0.25 },
];

describe('statisticsLayout', () => {
  it('has each mean and the variance behind it, one batch norm after the other', () => {
    expect(statisticsLayout(moved).map(({ layer, offset }) => [layer, offset])).toEqual([
      ['bn1', 0],
      ['bn2', 4],
    ]);
  });
});

describe('moveStatistics', () => {
  it("moves by each batch norm's momentum towards the mean over the shards that have rows", () => {
    const statistics = Float32Array.of(1, 2, 3, 4, 5, 6);
    // Three shards, whose means are 10, 20, 1, 2 of bn1 and 9, 14 of bn2
    const sums = Float32Array.of(30, 60, 3, 6, 27, 42, 3);
    moveStatistics(statistics, statisticsLayout(moved), sums);
    // 0.9 * old + 0.1 * mean, 0.75 * old + 0.25 * mean
    [1.9, 3.8, 2.8, 3.8, 6, 8].forEach((value, i) => {
      expect(statistics[i]).toBeCloseTo(value, 6);
    });
  });

  it('leaves the statistics of other batch norms alone', () => {
    const statistics = Float32Array.of(1, 2, 3, 4, 5, 6);
    moveStatistics(statistics, statisticsLayout(moved).slice(1), Float32Array.of(9, 14, 1));
    expect([...statistics]).toEqual([1, 2, 3, 4, 6, 8]);
  });

  it('stays where the batches have what is there already', () => {
    fc.assert(
      fc.property(
        fc.float({ min: -100, max: 100, noNaN: true }),
        fc.integer({ min: 1, max: 64 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (value, numShards, momentum) => {
          const entries = statisticsLayout([{ layer: 'bn', channels: 1, momentum }]);
          const statistics = Float32Array.of(value, value);
          const sum = Math.fround(value * numShards);
          moveStatistics(statistics, entries, Float32Array.of(sum, sum, numShards));
          expect(statistics[0]).toBeCloseTo(value, 4);
        },
      ),
    );
  });
});
