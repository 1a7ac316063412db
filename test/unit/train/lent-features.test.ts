import { expect, it } from 'vitest';
import type { PhaseEngine, ShardBatch } from '../../../src/engines/phase-engine.js';
import { decodeSnapshot } from '../../../src/state/snapshot.js';
import { makeTrainer, type TrainerOptions } from '../../../src/train/make-trainer.js';
import { resultOf } from '../../../src/train/result.js';
import {
  allShards,
  notAborted,
  smallPhase,
  smallRun,
  smallTrainer,
  trainAlone,
} from '../../support/train/small-run.js';

/** Takes features over as an engine in a thread does, and gives other values back. */
function takingEngine(engine: PhaseEngine): PhaseEngine {
  const taken = (batch: ShardBatch): { own: ShardBatch; giveBack: () => void } => {
    const { features_SBF, giveBack, ...rest } = batch;
    if (giveBack === undefined) throw new Error('The features may not be taken over.');
    const own = structuredClone(features_SBF, { transfer: [features_SBF.buffer as ArrayBuffer] });
    return {
      own: { ...rest, features_SBF: own },
      giveBack: () => {
        giveBack((own as Float32Array<ArrayBuffer>).fill(NaN));
      },
    };
  };
  return {
    async gradients(batches, place, tensors) {
      const all = batches.map(taken);
      const partials = await engine.gradients(
        all.map(({ own }) => own),
        place,
        tensors,
      );
      for (const { giveBack } of all) giveBack();
      return partials;
    },
    async evaluate(batch, tensors) {
      const { own, giveBack } = taken(batch);
      const sums = await engine.evaluate(own, tensors);
      giveBack();
      return sums;
    },
    close: () => engine.close(),
  };
}

it('a run whose engine takes the features over has the same bits, also where a round is computed again', async () => {
  const run = smallRun({ numTest: 9, phases: [smallPhase({ epochs: 2, accumulate: 2 })] });
  const plain = smallTrainer(run);
  await trainAlone(run, plain.trainer);
  const { engine, features } = smallTrainer(run);
  const open: TrainerOptions['open'] = () =>
    Promise.resolve({ engine: takingEngine(engine), features });
  const trainer = makeTrainer({ ...run, open });
  while (!trainer.finished) {
    // Computed for nothing, as where a member is lost.
    await trainer.compute(trainer.next(), allShards(run), notAborted);
    await trainAlone(run, trainer, trainer.round + 1);
  }
  const digests = await Promise.all(
    [plain.trainer, trainer].map(async (one) => {
      const { bytes } = await one.snapshot();
      return resultOf(decodeSnapshot(bytes), run.spec).digest;
    }),
  );
  expect(digests[1]).toBe(digests[0]);
  expect(features.recycled.length).toBeGreaterThan(0);
});
