import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import type { PhaseSpec } from '../../../src/config/run-spec.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import {
  initialParameters,
  initialStatistics,
  statisticsLayout,
} from '../../../src/models/run-tensors.js';
import { resolveTrained } from '../../../src/models/split-point.js';
import { readRunWeights } from '../../../src/models/weights/run-weights.js';
import { decodeSnapshot } from '../../../src/state/snapshot.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { FormulaFeatures } from '../../support/train/formula-features.js';
import { networkTrainer } from '../../support/train/network-trainer.js';
import { smallPhase, smallRun, trainAlone } from '../../support/train/small-run.js';

const cacheDir = mkdtempSync(join(tmpdir(), 'ftctl-moved-'));
afterAll(() => {
  rmSync(cacheDir, { recursive: true, force: true });
});

const entries = ['head', 'features.18', 'features.16', 'features.14.conv.2', '*.1.weight', 'all'];
const exceptions = ['features.17', 'features.15.conv.0', '*.bias', 'features.0'];

const splitPoint = fc.record({
  train: fc.subarray(entries, { minLength: 1 }),
  except: fc.subarray(exceptions),
  batchNorm: fc.constantFrom('frozen' as const, 'shard' as const),
});

/** The names of what differs between two flat vectors. */
function movedNames(
  before: Float32Array,
  after: Float32Array,
  places: readonly { readonly name: string; readonly offset: number; readonly length: number }[],
): string[] {
  const bits = (values: Float32Array, offset: number, length: number): Buffer =>
    Buffer.from(values.buffer, values.byteOffset + 4 * offset, 4 * length);
  return places
    .filter(
      ({ offset, length }) => !bits(before, offset, length).equals(bits(after, offset, length)),
    )
    .map(({ name }) => name);
}

type Point = Pick<PhaseSpec, 'train' | 'except' | 'batchNorm'>;

interface Trained {
  readonly architecture: 'mobilenet_v2' | 'inception_v3';
  readonly imageSize: number;
  readonly points: readonly [Point, Point];
  readonly from: PhaseSpec['from'];
}

/** Trains the first phase for two epochs of a step, the second for one, then scores a test split; and compares states between. */
async function checkMoves({ architecture, imageSize, points, from }: Trained): Promise<void> {
  const phases = [
    smallPhase({ ...points[0], epochs: 2 }),
    smallPhase({ ...points[1], epochs: 1, from }),
  ];
  const sizes = { numTrain: 8, numVal: 4, numTest: 3, batchSize: 8, numShards: 2 };
  const run = smallRun({ ...sizes, phases, metric: 'loss' });
  const width = architecture === 'mobilenet_v2' ? 0.1 : 1;
  const prepared = await prepareModel(
    { architecture, width, weights: 'random', integrity: null },
    {
      ...{ numClasses: 3, imageSize, background: [0, 0, 0], normalise: null },
      ...{ seed: 3, cacheDir, phases },
    },
  );
  const { network, tensors } = (await readRunWeights(prepared, new BlobStore(cacheDir)))!;
  const layout = parameterLayout(prepared.parameters);
  const labels = run.manifest.samples.map(({ label }) => label);
  const { trainer, close } = networkTrainer({
    ...{ run, prepared, cacheDir },
    initial: {
      parameters: initialParameters(prepared, tensors, 3),
      statistics: initialStatistics(prepared, tensors),
    },
    features: (phase) => new FormulaFeatures(prepared.phases[phase]!.numFeatures, labels),
  });
  const places = statisticsLayout(prepared.statistics).map(({ layer, offset, channels }) => ({
    ...{ name: layer, offset, length: 2 * channels },
  }));
  const stateNow = async () => decodeSnapshot((await trainer.snapshot()).bytes);
  type State = Awaited<ReturnType<typeof stateNow>>;
  const expectMoved = (before: State, after: State, names: string[], layers: readonly string[]) => {
    expect(movedNames(before.parameters, after.parameters, layout.entries)).toEqual(names);
    expect(movedNames(before.statistics, after.statistics, places)).toEqual(layers);
  };
  const movesOf = (phase: number) =>
    [resolveTrained(network, phases[phase]!), prepared.phases[phase]!.statistics] as const;

  // Rounds: step, val, step, val; the phase's end; step, val; test.
  const initial = await stateNow();
  const [, first] = await trainAlone(run, trainer, 2);
  expect(first!.isBest).toBe(true);
  const afterFirst = await stateNow();
  expectMoved(initial, afterFirst, ...movesOf(0));
  const [, second] = await trainAlone(run, trainer, 4);
  const afterSecond = await stateNow();
  expectMoved(afterFirst, afterSecond, ...movesOf(0));
  const best = second!.isBest ? afterSecond : afterFirst;
  await trainAlone(run, trainer, 5);
  const begin = await stateNow();
  expectMoved(from === 'best' ? best : afterSecond, begin, [], []);
  await trainAlone(run, trainer, 7);
  const end = await stateNow();
  expectMoved(begin, end, ...movesOf(1));
  await trainAlone(run, trainer);
  expect(trainer.round).toBe(8);
  expectMoved(end, await stateNow(), [], []);
  await close();
}

test('a phase moves exactly the parameters and statistics that it declares, at random split points', async () => {
  const from = fc.constantFrom('best' as const, 'last' as const);
  await fc.assert(
    fc.asyncProperty(splitPoint, splitPoint, from, (first, second, where) =>
      checkMoves({
        ...{ architecture: 'mobilenet_v2', imageSize: 32 },
        ...{ points: [first, second], from: where },
      }),
    ),
    { numRuns: 12 },
  );
}, 300_000);

test('so do phases that train an auxiliary classifier', async () => {
  await checkMoves({
    ...{ architecture: 'inception_v3', imageSize: 299, from: 'best' },
    points: [
      { train: ['head'], except: [], batchNorm: 'frozen' },
      { train: ['AuxLogits', 'Mixed_7c.branch1x1'], except: ['*.bias'], batchNorm: 'shard' },
    ],
  });
}, 300_000);
