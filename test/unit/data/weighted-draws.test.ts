import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makePlan, type PlanOptions } from '../../../src/data/plan.js';
import { dealShards } from '../../../src/data/shards.js';
import { balancingWeights, weightedDraws } from '../../../src/data/weighted-draws.js';
import { testManifest } from './make-test-manifest.js';

const numShards = 8;

function given(train: readonly number[]) {
  const manifest = testManifest({ train });
  const labelOf = (sample: number): number => manifest.samples[sample]!.label;
  const shards = dealShards(manifest, 'train', numShards, 3);
  const counts = shards.map((shard) => {
    const own = new Float64Array(train.length);
    for (const sample of shard) own[labelOf(sample)]! += 1;
    return own;
  });
  return { manifest, labelOf, shards, counts };
}

/** How often each class is drawn in an epoch, in expectation. */
function expectedDraws(counts: readonly Float64Array[], weights: Float64Array): number[] {
  return [...weights.keys()].map((label) =>
    counts.reduce((all, own) => {
      const size = own.reduce((total, count) => total + count, 0);
      const total = own.reduce((sum, count, k) => sum + count * weights[k]!, 0);
      return size === 0 ? all : all + (size * own[label]! * weights[label]!) / total;
    }, 0),
  );
}

describe('balancingWeights', () => {
  it('is 1 / n_c where each shard has its part of each class', () => {
    const { counts } = given([8, 24, 160]);
    expect([...balancingWeights(counts)]).toEqual([1 / 8, 1 / 24, 1 / 160]);
  });

  it('makes classes equally frequent also where some shards lack one', () => {
    // Three of eight shards have more than the quarter of all draws that the rare class needs at most.
    const rare = fc.integer({ min: 3, max: 7 });
    const others = fc.array(fc.integer({ min: 8, max: 60 }), { minLength: 3, maxLength: 11 });
    fc.assert(
      fc.property(rare, others, fc.nat(11), (size, common, at) => {
        const train = common.toSpliced(at, 0, size);
        const { counts } = given(train);
        const wanted = train.reduce((sum, count) => sum + count, 0) / train.length;
        for (const draws of expectedDraws(counts, balancingWeights(counts))) {
          expect(Math.abs(draws / wanted - 1)).toBeLessThan(1e-6);
        }
      }),
    );
  });

  it('gives a class nearly all draws of the shards that have it, where even those are too few', () => {
    // One sample of the first class of two: its shard has an eighth of the draws, of which it would need four.
    const { counts } = given([1, 159]);
    const weights = balancingWeights(counts);
    const [rare, other] = expectedDraws(counts, weights);
    expect(rare).toBeGreaterThan(19.99);
    expect(rare! + other!).toBeCloseTo(160, 6);
  });

  it('is finite and positive for any classes that are there, and 0 for one that is not', () => {
    const sizes = fc.array(fc.nat(30), { minLength: 1, maxLength: 9 });
    fc.assert(
      fc.property(sizes, (train) => {
        const { counts } = given(train);
        const weights = balancingWeights(counts);
        train.forEach((count, k) => {
          expect(Number.isFinite(weights[k])).toBe(true);
          expect(weights[k]! > 0).toBe(count > 0);
        });
      }),
    );
  });
});

describe('weightedDraws', () => {
  it("draws as many samples as a shard has, of its own alone, and counts a sample's repeats", () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(sizes, fc.nat(9), (train, epoch) => {
        const { labelOf, shards } = given(train);
        const draw = weightedDraws(shards, labelOf, train.length, 7);
        shards.forEach((own, shard) => {
          const { samples, repeats } = draw(epoch, shard);
          expect(samples.length).toBe(own.length);
          const seen = new Map<number, number>();
          samples.forEach((sample, i) => {
            expect(own.includes(sample)).toBe(true);
            expect(repeats[i]).toBe(seen.get(sample) ?? 0);
            seen.set(sample, (seen.get(sample) ?? 0) + 1);
          });
        });
      }),
    );
  });

  it('draws each class, and each sample of a class, equally often', () => {
    const train = [16, 160, 48];
    const { manifest, labelOf, shards } = given(train);
    const draw = weightedDraws(shards, labelOf, train.length, 1);
    const numEpochs = 400;
    const drawn = new Int32Array(manifest.samples.length);
    for (let epoch = 0; epoch < numEpochs; epoch += 1) {
      shards.forEach((_, shard) => {
        for (const sample of draw(epoch, shard).samples) drawn[sample]! += 1;
      });
    }
    const perClass = (224 * numEpochs) / 3;
    train.forEach((size, label) => {
      const own = [...drawn].filter((_, sample) => labelOf(sample) === label);
      const total = own.reduce((sum, count) => sum + count, 0);
      expect(Math.abs(total - perClass)).toBeLessThan(4 * Math.sqrt((perClass * 2) / 3));
      const each = perClass / size;
      const chiSquare = own.reduce((sum, count) => sum + (count - each) ** 2 / each, 0);
      expect(chiSquare).toBeLessThan(size + 5 * Math.sqrt(2 * size));
    });
  });
});

describe('a plan with sampling: weighted', () => {
  const options: PlanOptions = {
    manifest: testManifest({ train: [3, 40, 20] }),
    numShards: 4,
    batchSize: 8,
    seed: 9,
    views: 4,
    limitBatches: null,
    overfitBatch: false,
  };

  function epochOf(plan: ReturnType<typeof makePlan>, epoch: number, shard: number) {
    const parts = Array.from({ length: plan.numTrainSteps }, (_, step) =>
      plan.trainMicrobatch(epoch, step, shard, 'weighted'),
    );
    return {
      samples: parts.flatMap(({ samples }) => [...samples]),
      views: parts.flatMap(({ views }) => [...views]),
    };
  }

  it('has epochs of the same length and microbatches of the same sizes', () => {
    const plan = makePlan(options);
    for (let step = 0; step < plan.numTrainSteps; step += 1) {
      for (let shard = 0; shard < plan.numShards; shard += 1) {
        expect(plan.trainMicrobatch(2, step, shard, 'weighted').samples.length).toBe(
          plan.trainMicrobatch(2, step, shard).samples.length,
        );
      }
    }
  });

  it('is pure, changes from epoch to epoch, and leaves the usual order as it is', () => {
    const plan = makePlan(options);
    const usual = plan.trainMicrobatch(1, 0, 0);
    expect(usual).toEqual(plan.trainMicrobatch(1, 0, 0, 'once'));
    const first = epochOf(plan, 1, 0);
    expect(epochOf(plan, 2, 0)).not.toEqual(first);
    expect(epochOf(plan, 3, 0)).not.toEqual(first);
    expect(epochOf(makePlan(options), 1, 0)).toEqual(first);
    expect(plan.trainMicrobatch(1, 0, 0)).toEqual(usual);
  });

  it('shows a sample that comes again in the same epoch in its next view', () => {
    const { samples, views } = epochOf(makePlan(options), 5, 0);
    const seen = new Map<number, number>();
    let numRepeats = 0;
    samples.forEach((sample, i) => {
      const last = seen.get(sample);
      if (last !== undefined) {
        numRepeats += 1;
        expect(views[i]).toBe((last + 1) % 4);
      }
      seen.set(sample, views[i]!);
    });
    expect(numRepeats).toBeGreaterThan(0);
  });

  it('shows it in a fresh view that no other epoch has, where views are fresh', () => {
    const plan = makePlan({ ...options, views: null });
    const seen = new Set<string>();
    for (const epoch of [0, 1, 2, 3]) {
      const { samples, views } = epochOf(plan, epoch, 0);
      samples.forEach((sample, i) => {
        const view = `${sample}:${views[i]!}`;
        expect(seen.has(view)).toBe(false);
        seen.add(view);
      });
      expect(views.filter((view) => view === epoch).length).toBe(new Set(samples).size);
    }
  });
});
