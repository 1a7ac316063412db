import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPhaseEngine } from '../../../src/engines/open-phase-engine.js';
import type { PhaseEngine } from '../../../src/engines/phase-engine.js';
import { decodeSnapshot } from '../../../src/state/snapshot.js';
import { headLayout } from '../../../src/models/head.js';
import type { OpenPhase } from '../../../src/train/phase-parts.js';
import type { Trainer } from '../../../src/train/trainer.js';
import { makeTrainer } from '../../../src/train/make-trainer.js';
import { resultOf } from '../../../src/train/result.js';
import { FormulaFeatures } from '../../support/train/formula-features.js';
import {
  rangesFrom,
  runRound,
  smallModel,
  smallPhase,
  smallRun,
} from '../../support/train/small-run.js';

const numShards = 8;
const head = {
  kind: 'linear' as const,
  weightName: 'fc.weight',
  biasName: 'fc.bias',
  numFeatures: 96,
  numClasses: 10,
};
/** 75 training samples are no multiple of the batch, nor are 21 of the shards. */
const small = smallRun({
  numTrain: 75,
  numVal: 21,
  numTest: 11,
  batchSize: 32,
  numShards,
  phases: [smallPhase({ epochs: 3 })],
});
const run = { ...small, ...smallModel(head, small.spec) };

let engine: PhaseEngine;

beforeAll(async () => {
  engine = await openPhaseEngine({
    kind: 'head',
    layout: headLayout(head),
    head,
    rowsPerShard: run.plan.rowsPerShard,
    provider: 'cpu',
  });
});

afterAll(async () => {
  await engine.close();
});

function openOf(features: FormulaFeatures): OpenPhase {
  return () => Promise.resolve({ engine, features });
}

async function digestOfState(trainer: Trainer): Promise<string> {
  return resultOf(decodeSnapshot((await trainer.snapshot()).bytes), run.spec).digest;
}

async function digestOf(cuts: readonly number[]): Promise<string> {
  const ranges = rangesFrom(cuts, numShards);
  const labels = run.manifest.samples.map(({ label }) => label);
  const trainers = ranges.map(() =>
    makeTrainer({ ...run, open: openOf(new FormulaFeatures(head.numFeatures, labels)) }),
  );
  while (!trainers[0]!.finished) await runRound(trainers, ranges, numShards);
  const digests = await Promise.all(trainers.map(digestOfState));
  expect(new Set(digests).size).toBe(1);
  return digests[0]!;
}

describe('a run on onnxruntime', () => {
  it.each([
    [2, [4]],
    [2, [1]],
    [3, [3, 5]],
    [4, [2, 4, 6]],
    [5, [1, 2, 5, 6]],
    [7, [1, 2, 3, 4, 5, 6]],
  ])('has the bits of one worker on %i workers, split at %j', async (_, cuts) => {
    expect(await digestOf(cuts)).toBe(await digestOf([]));
  });

  it('has other bits for another seed', async () => {
    const other = { ...run, spec: { ...run.spec, seed: 6 } };
    const labels = run.manifest.samples.map(({ label }) => label);
    const features = new FormulaFeatures(head.numFeatures, labels);
    const { initial } = smallModel(head, other.spec);
    const trainer = makeTrainer({ ...other, initial, open: openOf(features) });
    while (!trainer.finished) {
      await runRound([trainer], [{ firstShard: 0, numShards }], numShards);
    }
    expect(await digestOfState(trainer)).not.toBe(await digestOf([]));
  });
});
