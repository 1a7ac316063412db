import { describe, expect, it } from 'vitest';
import { stateDigest } from '../../../src/state/digest.js';
import { decodeSnapshot } from '../../../src/state/snapshot.js';
import { resultOf } from '../../../src/train/result.js';
import { smallPhase, smallRun, smallTrainer, trainAlone } from '../../support/train/small-run.js';

const run = smallRun({
  numTest: 6,
  phases: [smallPhase({ epochs: 2 }), smallPhase({ epochs: 1 })],
});

async function resultAt(round: number) {
  const { trainer } = smallTrainer(run);
  const outcomes = await trainAlone(run, trainer, round);
  const state = decodeSnapshot((await trainer.snapshot()).bytes);
  return { outcomes, state, result: resultOf(state, run.spec) };
}

describe('resultOf', () => {
  it('sums up a finished run', async () => {
    const { outcomes, state, result } = await resultAt(Infinity);
    const val = outcomes.filter(({ split }) => split === 'val').at(-1)!;
    const test = outcomes.at(-1)!;
    expect(result).toEqual({
      epochs: 3,
      // three steps an epoch, 37 samples an epoch
      steps: 9,
      samples: 111,
      train: { loss: state.history[2]!.trainLoss, accuracy: state.history[2]!.trainAccuracy },
      val: { loss: val.loss, accuracy: val.accuracy },
      test: { loss: test.loss, accuracy: test.accuracy },
      best: { epoch: state.best!.epoch, metric: 'accuracy', value: state.best!.value },
      digest: stateDigest(state),
    });
  });

  it('gives no scores before the first epoch has ended', async () => {
    const { state, result } = await resultAt(2);
    expect(result).toEqual({
      epochs: 0,
      steps: 2,
      samples: 32,
      train: null,
      val: null,
      best: null,
      digest: stateDigest(state),
    });
  });

  it('means over an epoch count each sample alike, also those of an incomplete last batch', async () => {
    // Two epochs of three steps and an evaluation
    const { outcomes, state } = await resultAt(8);
    for (const epoch of [0, 1]) {
      const steps = outcomes.filter(({ plan }) => plan.kind === 'step' && plan.epoch === epoch);
      const correct = steps.reduce((sum, o) => sum + o.accuracy * o.samples, 0);
      const loss = steps.reduce((sum, o) => sum + o.loss * o.samples, 0);
      expect(state.history[epoch]!.trainAccuracy).toBeCloseTo(correct / 37, 12);
      expect(state.history[epoch]!.trainLoss).toBeCloseTo(loss / 37, 12);
    }
  });
});
