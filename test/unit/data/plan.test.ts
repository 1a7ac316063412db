import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePlan, type Plan, type PlanOptions } from '../../../src/data/plan.js';
import { dealShards } from '../../../src/data/shards.js';
import { testManifest } from './make-test-manifest.js';

const sizes = fc.array(fc.nat(40), { minLength: 1, maxLength: 6 });

/** Plans over random data, with batches of 1 to 4 rows for each of 1 to 9 shards. */
const options = fc
  .record({
    train: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
    val: sizes,
    numShards: fc.integer({ min: 1, max: 9 }),
    rows: fc.integer({ min: 1, max: 4 }),
    seed: fc.nat(2 ** 32 - 1),
    views: fc.option(fc.integer({ min: 1, max: 5 })),
  })
  .map(({ train, val, numShards, rows, seed, views }): PlanOptions => ({
    manifest: testManifest({ train, val }),
    numShards,
    batchSize: numShards * rows,
    seed,
    views,
    limitBatches: null,
    overfitBatch: false,
  }));

const indexesOf = (manifest: PlanOptions['manifest'], split: string): number[] =>
  manifest.samples.flatMap((sample, index) => (sample.split === split ? [index] : []));

const ascending = (a: number, b: number): number => a - b;

function epochRows(plan: Plan, epoch: number): { sample: number; view: number; step: number }[] {
  const rows: { sample: number; view: number; step: number }[] = [];
  for (let step = 0; step < plan.numTrainSteps; step += 1) {
    for (let shard = 0; shard < plan.numShards; shard += 1) {
      const { samples, views } = plan.trainMicrobatch(epoch, step, shard);
      samples.forEach((sample, i) => rows.push({ sample, view: views[i]!, step }));
    }
  }
  return rows;
}

describe('dealShards', () => {
  it('deals each sample once, in sizes and class counts that differ by at most one', () => {
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 12 }), fc.nat(), (train, numShards, seed) => {
        const manifest = testManifest({ train, val: [3] });
        const shards = dealShards(manifest, 'train', numShards, seed);
        expect(shards.flatMap((shard) => [...shard]).sort(ascending)).toEqual(
          indexesOf(manifest, 'train'),
        );
        const spread = (counts: number[]): number => Math.max(...counts) - Math.min(...counts);
        expect(spread(shards.map((shard) => shard.length))).toBeLessThanOrEqual(1);
        train.forEach((_, label) => {
          const counts = shards.map(
            (shard) => shard.filter((index) => manifest.samples[index]!.label === label).length,
          );
          expect(spread(counts)).toBeLessThanOrEqual(1);
        });
      }),
    );
  });

  it('deals a sample by its id and class, not by its place', () => {
    const manifest = testManifest({ train: [20, 20] });
    const without = { ...manifest, samples: manifest.samples.filter((s) => s.label === 0) };
    const idsOf = (shards: Int32Array[], from: typeof manifest): string[][] =>
      shards.map((shard) => [...shard].map((i) => from.samples[i]!.id));
    const all = idsOf(dealShards(manifest, 'train', 4, 5), manifest);
    const first = idsOf(dealShards(without, 'train', 4, 5), without);
    expect(all.map((ids) => ids.slice(0, 5))).toEqual(first);
  });

  it('deals differently for another seed', () => {
    const manifest = testManifest({ train: [50] });
    expect(dealShards(manifest, 'train', 2, 1)).not.toEqual(dealShards(manifest, 'train', 2, 2));
  });
});

describe('makePlan', () => {
  it('uses each training sample exactly once in each epoch', () => {
    fc.assert(
      fc.property(options, fc.nat(30), (given, epoch) => {
        const used = epochRows(makePlan(given), epoch).map(({ sample }) => sample);
        expect(used.sort(ascending)).toEqual(indexesOf(given.manifest, 'train'));
      }),
    );
  });

  it("has the number of steps and the batch sizes of PyTorch's DataLoader without drop_last", () => {
    fc.assert(
      fc.property(options, (given) => {
        const plan = makePlan(given);
        const numTrain = indexesOf(given.manifest, 'train').length;
        // BatchSampler: len = (n + batch - 1) // batch; every batch full but the last.
        const expected: number[] = [];
        for (let left = numTrain; left > 0; left -= given.batchSize) {
          expected.push(Math.min(left, given.batchSize));
        }
        const actual = new Array<number>(plan.numTrainSteps).fill(0);
        for (const { step } of epochRows(plan, 3)) actual[step]! += 1;
        expect(actual).toEqual(expected);
        expect(plan.splitSize('train')).toBe(numTrain);
      }),
    );
  });

  it('keeps each sample in its shard for the whole run, and permutes the shard anew in each epoch', () => {
    const manifest = testManifest({ train: [60, 60] });
    const plan = makePlan({
      manifest,
      numShards: 4,
      batchSize: 120,
      seed: 9,
      views: null,
      limitBatches: null,
      overfitBatch: false,
    });
    for (let shard = 0; shard < 4; shard += 1) {
      const [first, second] = [0, 1].map((epoch) => [
        ...plan.trainMicrobatch(epoch, 0, shard).samples,
      ]);
      expect(first).not.toEqual(second);
      expect(first!.sort(ascending)).toEqual(second!.sort(ascending));
    }
  });

  it('is pure: any microbatch has the same rows whatever was asked before', () => {
    fc.assert(
      fc.property(options, fc.array(fc.tuple(fc.nat(5), fc.nat(), fc.nat())), (given, asked) => {
        const used = makePlan(given);
        for (const [epoch, step, shard] of asked) {
          const place = [epoch, step % used.numTrainSteps, shard % used.numShards] as const;
          expect(used.trainMicrobatch(...place)).toEqual(makePlan(given).trainMicrobatch(...place));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('shows each of V views of each sample once in any V consecutive epochs, and mixes them in one', () => {
    const manifest = testManifest({ train: [40, 40] });
    const views = 4;
    const plan = makePlan({
      manifest,
      numShards: 4,
      batchSize: 16,
      seed: 2,
      views,
      limitBatches: null,
      overfitBatch: false,
    });
    for (const start of [0, 5]) {
      const seen = new Map<number, number[]>();
      for (let epoch = start; epoch < start + views; epoch += 1) {
        const rows = epochRows(plan, epoch);
        expect(new Set(rows.map(({ view }) => view)).size).toBe(views);
        for (const { sample, view } of rows) seen.set(sample, [...(seen.get(sample) ?? []), view]);
      }
      for (const list of seen.values()) expect(list.sort(ascending)).toEqual([0, 1, 2, 3]);
    }
  });

  it('takes the epoch itself as a fresh view', () => {
    const given: PlanOptions = {
      manifest: testManifest({ train: [5] }),
      numShards: 1,
      batchSize: 2,
      seed: 0,
      views: null,
      limitBatches: null,
      overfitBatch: false,
    };
    expect(new Set(epochRows(makePlan(given), 17).map(({ view }) => view))).toEqual(new Set([17]));
  });

  it('counts each evaluation sample once', () => {
    fc.assert(
      fc.property(options, (given) => {
        const plan = makePlan(given);
        const counted: number[] = [];
        for (let shard = 0; shard < plan.numShards; shard += 1) {
          counted.push(...plan.evaluationSamples('val', shard));
        }
        expect(counted.sort(ascending)).toEqual(indexesOf(given.manifest, 'val'));
        expect(plan.splitSize('val')).toBe(counted.length);
        expect(plan.splitSize('test')).toBe(0);
      }),
    );
  });

  it('limits the steps of an epoch and the batches of an evaluation, the latter over all classes', () => {
    const manifest = testManifest({ train: [80, 80], val: [40, 40] });
    const plan = makePlan({
      manifest,
      numShards: 4,
      batchSize: 16,
      seed: 3,
      views: 2,
      limitBatches: 2,
      overfitBatch: false,
    });
    expect(plan.numTrainSteps).toBe(2);
    expect(plan.splitSize('train')).toBe(32);
    expect(plan.splitSize('val')).toBe(32);
    const evaluated = [0, 1, 2, 3].map((shard) => plan.evaluationSamples('val', shard));
    expect(evaluated.map((samples) => samples.length)).toEqual([8, 8, 8, 8]);
    const labels = evaluated.flatMap((samples) =>
      [...samples].map((i) => manifest.samples[i]!.label),
    );
    expect(new Set(labels)).toEqual(new Set([0, 1]));
  });

  it('overfits the first batch of epoch 0 in plain view at every step', () => {
    const given: PlanOptions = {
      manifest: testManifest({ train: [30, 30], val: [10] }),
      numShards: 2,
      batchSize: 8,
      seed: 3,
      views: 4,
      limitBatches: null,
      overfitBatch: false,
    };
    const usual = makePlan(given);
    const overfit = makePlan({ ...given, overfitBatch: true });
    const { samples } = usual.trainMicrobatch(0, 0, 1);
    expect(overfit.numTrainSteps).toBe(usual.numTrainSteps);
    expect(overfit.trainMicrobatch(6, 5, 1)).toEqual({
      samples,
      views: Int32Array.from([-1, -1, -1, -1]),
    });
    expect(overfit.evaluationSamples('val', 0)).toEqual(usual.evaluationSamples('val', 0));
  });

  it('refuses a batch that is no multiple of the shards, and places that it does not have', () => {
    const given: PlanOptions = {
      manifest: testManifest({ train: [30] }),
      numShards: 4,
      batchSize: 8,
      seed: 3,
      views: 4,
      limitBatches: null,
      overfitBatch: false,
    };
    expect(() => makePlan({ ...given, batchSize: 30 })).toThrow(
      new RangeError('A batch of 30 cannot be dealt to 4 shards.'),
    );
    const plan = makePlan(given);
    expect(() => plan.trainMicrobatch(0, 4, 0)).toThrow(
      new RangeError('The plan has no step 4: it has 4.'),
    );
    expect(() => plan.evaluationSamples('val', -1)).toThrow(
      new RangeError('The plan has no shard -1: it has 4.'),
    );
  });
});
