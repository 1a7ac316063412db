import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { openEngineHere } from '../../../src/engines/open-engine-here.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import {
  initialParameters,
  initialStatistics,
  statisticsLayout,
} from '../../../src/models/run-tensors.js';
import { resolveTrained } from '../../../src/models/split-point.js';
import { readRunWeights } from '../../../src/models/weights/run-weights.js';
import { decodeSnapshot } from '../../../src/state/snapshot.js';
import { makeTrainer } from '../../../src/train/make-trainer.js';
import { BlobStore } from '../../../src/util/blob-store.js';
import { FormulaFeatures } from '../../support/train/formula-features.js';
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

test('a phase moves exactly the parameters and statistics that it declares, at random split points', async () => {
  await fc.assert(
    fc.asyncProperty(splitPoint, splitPoint, async (first, second) => {
      const phases = [first, second].map((point) => smallPhase({ ...point, epochs: 1 }));
      const run = smallRun({ phases, numTrain: 12, numVal: 4, batchSize: 12, numShards: 2 });
      const spec = { ...run.spec, seed: 3 };
      const prepared = await prepareModel(
        { architecture: 'mobilenet_v2', width: 0.1, weights: 'random', integrity: null },
        {
          ...{ numClasses: 3, imageSize: 32, background: [0, 0, 0], normalise: null },
          ...{ seed: 3, cacheDir, phases },
        },
      );
      const { network, tensors } = (await readRunWeights(prepared, new BlobStore(cacheDir)))!;
      const layout = parameterLayout(prepared.parameters);
      const labels = run.manifest.samples.map(({ label }) => label);
      const trainer = makeTrainer({
        ...run,
        spec,
        model: prepared,
        initial: {
          parameters: initialParameters(prepared, tensors, 3),
          statistics: initialStatistics(prepared, tensors),
        },
        open: async (phase) => {
          const { engine: kind, numFeatures } = prepared.phases[phase]!;
          const shape = { rowsPerShard: run.plan.rowsPerShard, provider: 'cpu' as const };
          const engine = await openEngineHere(
            kind === 'head'
              ? { kind, head: prepared.head, layout, ...shape }
              : { kind, prepared, phase, batchNorm: phases[phase]!.batchNorm, cacheDir, ...shape },
          );
          return { engine, features: new FormulaFeatures(numFeatures, labels) };
        },
      });
      const stateNow = async () => decodeSnapshot((await trainer.snapshot()).bytes);
      let before = await stateNow();
      // A step and an evaluation of the first phase; then its end, a step and an evaluation of the second.
      for (const [phase, rounds] of [2, 5].entries()) {
        await trainAlone({ ...run, spec }, trainer, rounds);
        const after = await stateNow();
        const moved = movedNames(before.parameters, after.parameters, layout.entries);
        expect(moved).toEqual(resolveTrained(network, phases[phase]!));
        const places = statisticsLayout(prepared.statistics).map((entry) => ({
          name: entry.layer,
          offset: entry.offset,
          length: 2 * entry.channels,
        }));
        expect(movedNames(before.statistics, after.statistics, places)).toEqual(
          prepared.phases[phase]!.statistics,
        );
        before = after;
      }
    }),
    { numRuns: 12 },
  );
}, 300_000);
