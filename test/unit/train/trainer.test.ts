import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SplitName } from '../../../src/data/manifest.js';
import { FtctlError } from '../../../src/errors/index.js';
import type { TimeBucket } from '../../../src/metrics/timeline.js';
import { decodeSnapshot } from '../../../src/state/snapshot.js';
import { makeTrainer, type TrainerOptions } from '../../../src/train/make-trainer.js';
import { resultOf } from '../../../src/train/result.js';
import type { Trainer } from '../../../src/train/trainer.js';
import { sumsOf } from '../../../src/train/vectors.js';
import {
  allShards,
  notAborted,
  rangesFrom,
  smallModel,
  runRound,
  smallPhase,
  smallRun,
  type SmallRun,
  smallTrainer,
  trainAlone,
} from '../../support/train/small-run.js';

async function stateOf(trainer: Trainer) {
  return decodeSnapshot((await trainer.snapshot()).bytes);
}

async function digestOf(run: SmallRun, trainer: Trainer): Promise<string> {
  return resultOf(await stateOf(trainer), run.spec).digest;
}

async function digestAlone(run: SmallRun): Promise<string> {
  const { trainer } = smallTrainer(run);
  await trainAlone(run, trainer);
  return digestOf(run, trainer);
}

async function rejection(work: Promise<unknown>): Promise<[string, string]> {
  try {
    await work;
  } catch (error) {
    const { code, message } = FtctlError.from(error);
    return [code, message];
  }
  throw new Error('Nothing was refused.');
}

/** What a trainer of a small run computes with. */
function openOf(run: SmallRun): Pick<TrainerOptions, 'open'> {
  const { engine, features } = smallTrainer(run);
  return { open: () => Promise.resolve({ engine, features }) };
}

describe('a run', () => {
  it('has the same bits for any split of the shards over 1 to 7 workers', async () => {
    const run = smallRun({ numTest: 9, phases: [smallPhase({ epochs: 2 })] });
    const expected = await digestAlone(run);
    const cuts = fc.array(fc.integer({ min: 0, max: run.plan.numShards }), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(cuts, async (points) => {
        // Equal cuts make workers without shards, which a run may have for a while.
        const ranges = rangesFrom(points, run.plan.numShards);
        const workers = ranges.map(() => smallTrainer(run));
        const trainers = workers.map(({ trainer }) => trainer);
        while (!trainers[0]!.finished) await runRound(trainers, ranges, run.plan.numShards);
        for (const trainer of trainers) expect(await digestOf(run, trainer)).toBe(expected);
      }),
      { numRuns: 25 },
    );
  });

  it('has the same bits where shards move between workers from round to round', async () => {
    const run = smallRun({ phases: [smallPhase({ epochs: 2 })] });
    const expected = await digestAlone(run);
    const trainers = [smallTrainer(run).trainer, smallTrainer(run).trainer];
    for (let round = 0; !trainers[0]!.finished; round += 1) {
      await runRound(trainers, rangesFrom([(round * 3) % 9], 8), 8);
    }
    expect(await digestOf(run, trainers[1]!)).toBe(expected);
  });

  it('uses each sample once an epoch and scores each sample once an evaluation', async () => {
    const run = smallRun({ numTrain: 37, numVal: 13, numTest: 9, views: null });
    const { trainer, features } = smallTrainer(run);
    const outcomes = await trainAlone(run, trainer);
    expect(outcomes.filter(({ plan }) => plan.kind === 'step').map((o) => o.samples)).toEqual(
      // 37 samples in batches of 16, three epochs
      [16, 16, 5, 16, 16, 5, 16, 16, 5],
    );
    const evaluations = outcomes.filter(({ plan }) => plan.kind === 'evaluate');
    expect(evaluations.map((o) => [o.split, o.samples])).toEqual([
      ['val', 13],
      ['val', 13],
      ['val', 13],
      ['test', 9],
    ]);
    const uses = new Map<string, number>();
    for (const { samples, views } of features.requests) {
      for (const [i, sample] of samples.entries()) {
        const use = `${sample}:${views[i]}`;
        uses.set(use, (uses.get(use) ?? 0) + 1);
      }
    }
    for (const [sample, { split }] of run.manifest.samples.entries()) {
      const plain = split === 'train' ? undefined : split === 'val' ? 3 : 1;
      expect(uses.get(`${sample}:-1`)).toBe(plain);
      for (const epoch of [0, 1, 2]) {
        expect(uses.get(`${sample}:${epoch}`)).toBe(split === 'train' ? 1 : undefined);
      }
    }
  });

  it('learns what can be learned', async () => {
    const run = smallRun({ numTrain: 120, numVal: 30, phases: [smallPhase({ epochs: 8 })] });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer);
    const { history } = await stateOf(trainer);
    expect(history.at(-1)!.trainLoss).toBeLessThan(history[0]!.trainLoss * 0.8);
    expect(history.at(-1)!.valAccuracy).toBeGreaterThan(0.8);
  });

  it('says at each round what was decided', async () => {
    const run = smallRun({ numTest: 4, everyEpochs: 2 });
    const { trainer } = smallTrainer(run);
    const outcomes = await trainAlone(run, trainer);
    // 37 samples in batches of 16: three steps and an evaluation an epoch, three epochs, and test
    expect(outcomes.map(({ plan }) => plan.round)).toEqual(
      Array.from({ length: 13 }, (_, i) => i + 1),
    );
    // Every second epoch, and the last
    expect(outcomes.filter((o) => o.checkpointDue).map((o) => o.plan.round)).toEqual([8, 12]);
    expect(outcomes.filter((o) => o.finished).map((o) => o.plan.round)).toEqual([13]);
    const rates = outcomes.map((o) => o.learningRate);
    expect(rates.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => 0.05));
    expect(rates.slice(8)).toEqual(Array.from({ length: 5 }, () => 0.05 * 0.1));
    // The moments are corrected for the number of updates that made them.
    expect((await stateOf(trainer)).updates).toBe(9);
    const best = outcomes.filter((o) => o.isBest).at(-1)!;
    expect((await stateOf(trainer)).best!.epoch).toBe(best.plan.epoch);
    expect((await stateOf(trainer)).best!.value).toBe(best.accuracy);
  });

  it('chooses the best epoch by loss where the run says so', async () => {
    const run = smallRun({ metric: 'loss' });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer);
    const { best, history } = await stateOf(trainer);
    expect(best!.value).toBe(Math.min(...history.map((record) => record.valLoss)));
  });
});

/** Loss and accuracy of a split, one sample at a time. */
async function plainMean(run: SmallRun, wanted: SplitName, parameters: Float32Array) {
  const { features, engine } = smallTrainer(run);
  let loss = 0;
  let correct = 0;
  let count = 0;
  for (const [sample, { split, label }] of run.manifest.samples.entries()) {
    if (split !== wanted) continue;
    const request = { samples: Int32Array.of(sample), views: Int32Array.of(-1) };
    const sums = await engine.evaluate(
      {
        numShards: 1,
        rowsPerShard: 1,
        features_SBF: await features.features(request),
        labels_SB: Int32Array.of(label),
        targets_SBK: Float32Array.from({ length: 3 }, (_, k) => (k === label ? 1 : 0)),
        weights_S: Float32Array.of(1),
        counts_S: Float32Array.of(1),
        mix: null,
        dropout: null,
      },
      { parameters, statistics: new Float32Array(0) },
    );
    loss += sums.losses_S[0]!;
    correct += sums.correct_S[0]!;
    count += 1;
  }
  return { loss: loss / count, accuracy: correct / count };
}

describe('an evaluation', () => {
  it('is the plain mean over the split, whatever is padded', async () => {
    const run = smallRun({ numVal: 29, numTrain: 16, phases: [smallPhase({ epochs: 1 })] });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer, 1);
    const parameters = (await stateOf(trainer)).parameters;
    const [outcome] = await trainAlone(run, trainer);
    const { loss, accuracy } = await plainMean(run, 'val', parameters);
    expect(outcome!.samples).toBe(29);
    expect(outcome!.accuracy).toBe(accuracy);
    expect(outcome!.loss).toBeCloseTo(loss, 6);
  });

  it('runs the engine on at most 64 chunks at a time', async () => {
    const run = smallRun({ numVal: 400, batchSize: 16, numShards: 8 });
    const { trainer, engine } = smallTrainer(run);
    await trainAlone(run, trainer, 4);
    const evaluations = engine.runs.filter(({ kind }) => kind === 'evaluate');
    // 400 samples in chunks of 2, 50 samples a shard: 200 chunks in runs of 64
    // The first one warms up.
    expect(evaluations.map(({ numShards }) => numShards)).toEqual([8, 64, 64, 64, 8]);
  });

  it('scores test with the best parameters and leaves the last ones in the state', async () => {
    const run = smallRun({
      numTest: 11,
      // A rate that makes the later epochs worse, so that the best epoch is not the last one.
      phases: [
        smallPhase({
          epochs: 4,
          optimizer: { ...smallPhase().optimizer, learningRate: 3 },
          schedule: { type: 'constant', warmup: null },
        }),
      ],
    });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer, 16);
    const before = await stateOf(trainer);
    expect(before.best!.epoch).toBeLessThan(3);
    const [outcome] = await trainAlone(run, trainer);
    const after = await stateOf(trainer);
    expect(after.parameters).toEqual(before.parameters);
    expect(after.test).toEqual({ loss: outcome!.loss, accuracy: outcome!.accuracy });
    const withBestParameters = await plainMean(run, 'test', before.best!.parameters);
    const withLast = await plainMean(run, 'test', before.parameters);
    expect(outcome!.loss).toBeCloseTo(withBestParameters.loss, 8);
    expect(outcome!.loss).not.toBeCloseTo(withLast.loss, 6);

    const atBest = smallTrainer(run).trainer;
    await trainAlone(run, atBest, before.best!.epoch * 4 + 4);
    expect((await stateOf(atBest)).parameters).toEqual(before.best!.parameters);
  });
});

describe('a later phase', () => {
  const phases = [
    smallPhase({
      epochs: 3,
      optimizer: { ...smallPhase().optimizer, learningRate: 3 },
      schedule: { type: 'constant', warmup: null },
    }),
    smallPhase({ epochs: 1, from: 'best' }),
  ];

  it('begins with fresh moments, and with the best parameters where it says so', async () => {
    const run = smallRun({ phases });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer, 12);
    const before = await stateOf(trainer);
    expect(before.best!.parameters).not.toEqual(before.parameters);
    await trainAlone(run, trainer, 13);
    const after = await stateOf(trainer);
    expect(after.parameters).toEqual(before.best!.parameters);
    expect(after.firstMoments.every((m) => m === 0)).toBe(true);
    expect(after.secondMoments.every((m) => m === 0)).toBe(true);
    expect([after.updates, after.phase, after.epoch]).toEqual([0, 1, 3]);
  });

  it('keeps the parameters as they are where it says so', async () => {
    const run = smallRun({ phases: [phases[0]!, { ...phases[1]!, from: 'last' }] });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer, 12);
    const before = await stateOf(trainer);
    await trainAlone(run, trainer, 13);
    expect((await stateOf(trainer)).parameters).toEqual(before.parameters);
  });
});

describe('a restored state', () => {
  it('goes on from any round to the digest of the uninterrupted run', async () => {
    const run = smallRun({ numTest: 5 });
    const expected = await digestAlone(run);
    for (let round = 0; round <= 13; round += 1) {
      const { trainer } = smallTrainer(run);
      await trainAlone(run, trainer, round);
      const other = smallTrainer(run).trainer;
      await other.restore(await trainer.snapshot());
      expect(other.round).toBe(round);
      expect(await other.stateRef()).toEqual(await trainer.stateRef());
      await trainAlone(run, other);
      expect(await digestOf(run, other)).toBe(expected);
    }
  });

  it('lets a longer run go on from a shorter one to the digest of the longer run', async () => {
    const short = smallRun({ numTest: 5, phases: [smallPhase({ epochs: 2 })] });
    const long = smallRun({ numTest: 5, phases: [smallPhase({ epochs: 5 })] });
    const { trainer } = smallTrainer(short);
    let checkpoint = await trainer.snapshot();
    while (!trainer.finished) {
      const { checkpointDue } = await runRound([trainer], [allShards(short)], 8);
      if (checkpointDue) checkpoint = await trainer.snapshot();
    }
    const longer = smallTrainer(long).trainer;
    await longer.restore(checkpoint);
    await trainAlone(long, longer);
    expect(await digestOf(long, longer)).toBe(await digestAlone(long));
  });

  it('replaces a state in the middle of other work', async () => {
    const run = smallRun();
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer, 2);
    const early = await trainer.snapshot();
    await trainAlone(run, trainer, 7);
    await trainer.restore(early);
    await trainAlone(run, trainer);
    expect(await digestOf(run, trainer)).toBe(await digestAlone(run));
  });

  it('is refused where it does not fit into the run', async () => {
    const run = smallRun({ numTest: 5 });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer);
    const longer = smallTrainer(
      smallRun({ numTest: 5, phases: [smallPhase({ epochs: 9 })] }),
    ).trainer;
    expect(await rejection(longer.restore(await trainer.snapshot()))).toEqual([
      'FT_CHECKPOINT_MISMATCH',
      "The checkpoint does not fit into this run: its round 13 is in phase 0, epoch 3; this run's is in phase 0, epoch 4.",
    ]);
    const shorter = smallTrainer(smallRun({ phases: [smallPhase({ epochs: 1 })] })).trainer;
    expect(await rejection(shorter.restore(await trainer.snapshot()))).toEqual([
      'FT_CHECKPOINT_MISMATCH',
      'The checkpoint does not fit into this run: it is at round 13, this run ends at round 4.',
    ]);
    const wide = smallModel({ ...run.head, numFeatures: 7 }, run.spec);
    const wider = makeTrainer({ ...run, ...wide, open: () => Promise.reject(new Error('unused')) });
    expect(await rejection(wider.restore(await trainer.snapshot()))).toEqual([
      'FT_CHECKPOINT_MISMATCH',
      'The checkpoint does not fit into this run: it has 21 trainable parameters, this run has 24.',
    ]);
    expect(longer.round).toBe(0);
  });

  it('is refused where it is not the state that was asked for', async () => {
    const run = smallRun();
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer, 3);
    const hash = 'f'.repeat(64);
    expect(await rejection(trainer.restore({ ...(await trainer.snapshot()), hash }))).toEqual([
      'FT_CHECKPOINT_DAMAGED',
      `The state of round 3 has the hash ${(await trainer.stateRef()).hash}, not ${hash}.`,
    ]);
  });
});

describe('a round that cannot be applied', () => {
  it('moves nothing where the loss or the gradient is not finite', async () => {
    const run = smallRun();
    for (const spoilt of [0, 21]) {
      const { trainer } = smallTrainer(run);
      await trainAlone(run, trainer, 1);
      const before = await trainer.stateRef();
      const plan = trainer.next();
      const reduced = Float32Array.from({ length: 25 }, () => 1);
      reduced[spoilt] = NaN;
      expect((await rejection(trainer.apply(plan, reduced)))[0]).toBe('FT_LOSS_NOT_FINITE');
      // The cached reference would hide a change, so the state is copied anew.
      const copy = smallTrainer(run).trainer;
      await copy.restore(await trainer.snapshot());
      expect(await copy.stateRef()).toEqual(before);
      await trainAlone(run, trainer);
      expect(await digestOf(run, trainer)).toBe(await digestAlone(run));
    }
  });

  it('is refused out of order or with the wrong length', async () => {
    const run = smallRun();
    const { trainer } = smallTrainer(run);
    const plan = trainer.next();
    await expect(
      trainer.compute({ ...plan, round: 2 }, allShards(run), notAborted),
    ).rejects.toThrow('Round 2 is not the one after 0.');
    await expect(trainer.apply({ ...plan, round: 2 }, new Float32Array(25))).rejects.toThrow(
      'Round 2 is not the one after 0.',
    );
    await expect(trainer.apply(plan, new Float32Array(24))).rejects.toThrow(
      'Round 1 takes 25 values, not 24.',
    );
  });

  it('counts every shard at a phase switch', async () => {
    const run = smallRun({ phases: [smallPhase({ epochs: 1 }), smallPhase({ epochs: 1 })] });
    const { trainer } = smallTrainer(run);
    await trainAlone(run, trainer, 4);
    await expect(trainer.apply(trainer.next(), Float32Array.of(7))).rejects.toThrow(
      'Round 5 counted 7 of 8 shards.',
    );
  });
});

describe('computing a round', () => {
  it('stops waiting when it is aborted, and can be repeated', async () => {
    const run = smallRun();
    const { trainer, features } = smallTrainer(run);
    const expected = await smallTrainer(run).trainer.compute(
      trainer.next(),
      allShards(run),
      notAborted,
    );
    features.gate = new Promise(() => undefined);
    const abort = new AbortController();
    const computing = trainer.compute(
      trainer.next(),
      { firstShard: 0, numShards: 2 },
      abort.signal,
    );
    abort.abort(new Error('new generation'));
    await expect(computing).rejects.toThrow('new generation');
    features.gate = undefined;
    expect(await trainer.compute(trainer.next(), allShards(run), notAborted)).toEqual(expected);
  });

  it('gives a worker without shards no vectors and asks for no features', async () => {
    const run = smallRun();
    const { trainer, features } = smallTrainer(run);
    const none = { firstShard: 3, numShards: 0 };
    expect(await trainer.compute(trainer.next(), none, notAborted)).toEqual([]);
    expect(features.requests).toEqual([]);
  });

  it('does not change the state', async () => {
    const run = smallRun();
    const { trainer } = smallTrainer(run);
    const before = await trainer.stateRef();
    await trainer.compute(trainer.next(), allShards(run), notAborted);
    const other = smallTrainer(run).trainer;
    await other.restore(await trainer.snapshot());
    expect(await other.stateRef()).toEqual(before);
  });

  it('gives the mean that PyTorch defines where classes have weights', async () => {
    const weightOf = { a: 0.5, b: 2, c: 1 };
    const phases = [smallPhase({ epochs: 1, classWeights: weightOf })];
    const run = smallRun({ numTrain: 16, batchSize: 16, phases });
    const { trainer } = smallTrainer(run);
    const partials = await trainer.compute(trainer.next(), allShards(run), notAborted);
    const { loss, weight } = sumsOf(partials[0]!.values);
    const train = run.manifest.samples.filter(({ split }) => split === 'train');
    const weights = [0.5, 2, 1];
    expect(weight).toBe(train.reduce((sum, { label }) => sum + weights[label]!, 0));
    const outcome = await runRound([trainer], [allShards(run)], 8);
    expect(outcome.loss).toBeCloseTo(loss / weight, 6);
  });
});

describe('the timeline', () => {
  it('says what the loop does or waits for', async () => {
    const run = smallRun({ numTrain: 16, phases: [smallPhase({ epochs: 1 })] });
    const entered: TimeBucket[] = [];
    const timeline = { enter: (bucket: TimeBucket) => void entered.push(bucket) };
    const trainer = makeTrainer({ ...run, ...openOf(run), timeline });
    await runRound([trainer], [allShards(run)], 8);
    expect(entered.splice(0)).toEqual(['data', 'features', 'data', 'gradients', 'update']);
    await runRound([trainer], [allShards(run)], 8);
    expect(entered).toEqual(['data', 'features', 'data', 'evaluate', 'evaluate']);
  });
});

describe('making a trainer', () => {
  it('refuses a run without samples to train on or to choose by', () => {
    expect(refusal(() => smallTrainer(smallRun({ numVal: 0 })))).toEqual([
      'FT_SPLIT_EMPTY',
      'The val split has no samples. At least one is needed to choose the best epoch by.',
    ]);
    expect(refusal(() => smallTrainer(smallRun({ numTrain: 0 })))).toEqual([
      'FT_SPLIT_EMPTY',
      'The train split has no samples. At least one is needed to train on.',
    ]);
  });
});

function refusal(attempt: () => unknown): [code: string, message: string] {
  try {
    attempt();
  } catch (error) {
    const { code, message } = FtctlError.from(error);
    return [code, message];
  }
  throw new Error('Nothing was refused.');
}
