import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/data/plan.js';
import { evaluationRuns, requestOf } from '../../../src/train/rows.js';

/** A plan whose shard s evaluates `sizes[s]` samples: 1000 s, 1000 s + 1, ... */
function planOf(rowsPerShard: number, sizes: readonly number[]): Plan {
  return {
    numShards: sizes.length,
    rowsPerShard,
    numTrainSteps: 1,
    trainMicrobatch: () => {
      throw new Error('Nothing is trained.');
    },
    evaluationSamples: (_, shard) =>
      Int32Array.from({ length: sizes[shard]! }, (_, i) => 1000 * shard + i),
    splitSize: () => sizes.reduce((sum, size) => sum + size, 0),
  };
}

const evaluation = {
  ...({ kind: 'evaluate', split: 'val', round: 1, phase: 0, epoch: 0 } as const),
  vectorLength: 4,
};
const allOf = ({ numShards }: Plan) => ({ firstShard: 0, numShards });

describe('the runs of an evaluation', () => {
  const sizesOfRuns = (rowsPerShard: number, numFeatures: number, numRows: number): number[] => {
    const plan = planOf(rowsPerShard, [numRows]);
    return evaluationRuns(plan, evaluation, allOf(plan), numFeatures).map((run) => run.length);
  };

  it('are of at most 64 chunks, 512 rows and 32 MiB of features', () => {
    expect(sizesOfRuns(2, 512, 300)).toEqual([64, 64, 22]);
    expect(sizesOfRuns(16, 512, 600)).toEqual([32, 6]);
    // Images of 224 px have 588 KiB: 55 rows are below 32 MiB, which are 13 chunks of 4, 8 as a power of two.
    expect(sizesOfRuns(4, 3 * 224 ** 2, 80)).toEqual([8, 8, 4]);
    expect(sizesOfRuns(1, 3 * 224 ** 2, 80)).toEqual([32, 32, 16]);
    // A chunk that is larger than the bound is a run of its own.
    expect(sizesOfRuns(64, 3 * 224 ** 2, 130)).toEqual([1, 1, 1]);
  });

  it('have the same chunks in the same order for each shard, whoever owns it and whatever a row has', () => {
    const chunksOf = (plan: Plan, first: number, end: number, numFeatures: number): unknown[] => {
      const shards = { firstShard: first, numShards: end - first };
      return evaluationRuns(plan, evaluation, shards, numFeatures)
        .flat()
        .map(({ owned, samples, views }) => [first + owned, [...samples], [...views]]);
    };
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.array(fc.nat(40), { minLength: 1, maxLength: 9 }),
        fc.nat(9),
        fc.integer({ min: 1, max: 10_000_000 }),
        (rowsPerShard, sizes, cut, numFeatures) => {
          const plan = planOf(rowsPerShard, sizes);
          const { numShards } = plan;
          const at = Math.min(cut, numShards);
          const alone = chunksOf(plan, 0, numShards, 1);
          const [first, rest] = [
            chunksOf(plan, 0, at, numFeatures),
            chunksOf(plan, at, numShards, numFeatures),
          ];
          expect([...first, ...rest]).toEqual(alone);
        },
      ),
    );
  });
});

it('a request has the rows of each group, and padding after them, as a batch has', () => {
  const groups = [
    { samples: Int32Array.of(5, 6), views: Int32Array.of(0, 1) },
    { samples: Int32Array.of(), views: Int32Array.of() },
    { samples: Int32Array.of(7), views: Int32Array.of(3) },
  ];
  expect(requestOf(groups, 2)).toEqual({
    samples: Int32Array.of(5, 6, -1, -1, 7, -1),
    views: Int32Array.of(0, 1, -1, -1, 3, -1),
  });
  expect(requestOf([], 2).samples).toHaveLength(0);
});
