import { describe, expect, it } from 'vitest';
import { makeTrainer } from '../../../src/train/make-trainer.js';
import type { OpenableTrainer } from '../../../src/train/trainer.js';
import {
  allShards,
  notAborted,
  smallPhase,
  smallRun,
  smallTrainer,
  trainAlone,
} from '../../support/train/small-run.js';

describe('opening a phase', () => {
  const phases = [smallPhase({ epochs: 1 }), smallPhase({ epochs: 1, accumulate: 2 })];
  const run = smallRun({ phases });

  /** A trainer that writes down which phases it opens and what their engines run. */
  function watched(): { trainer: OpenableTrainer; log: string[] } {
    const { engine, features } = smallTrainer(run);
    const log: string[] = [];
    const gradients: typeof engine.gradients = (batches, place, tensors) => {
      log.push(`${batches.length} x ${place.numShards} shards`);
      return engine.gradients(batches, place, tensors);
    };
    const evaluate: typeof engine.evaluate = (batch, tensors) => {
      log.push('evaluate');
      return engine.evaluate(batch, tensors);
    };
    const open = (phase: number) => {
      log.push(`open ${phase}`);
      const close = () => Promise.resolve();
      return Promise.resolve({ engine: { gradients, evaluate, close }, features });
    };
    return { trainer: makeTrainer({ ...run, open }), log };
  }

  it('runs each graph of it once before its first step, in the shape of its steps', async () => {
    const { trainer, log } = watched();
    await trainer.open({ firstShard: 0, numShards: 5 }, notAborted);
    // Of an epoch of 3 batches.
    const opened = ['open 0', '1 x 5 shards', 'evaluate'];
    expect(log.splice(0)).toEqual(opened);
    await trainAlone(run, trainer, 4);
    const step = '1 x 8 shards';
    expect(log.splice(0)).toEqual([step, step, step, 'evaluate']);
    // The switch, in which nobody takes a step before all are warm.
    await trainAlone(run, trainer, 5);
    expect(log.splice(0)).toEqual(['open 1', '2 x 8 shards', 'evaluate']);
    await trainAlone(run, trainer);
    expect(log).toEqual(['2 x 8 shards', '1 x 8 shards', 'evaluate']);
  });

  it('opens the phase of the state that it goes on from, and no other', async () => {
    const { trainer } = smallTrainer(run);
    for (const [round, expected] of [
      [3, 'open 0'],
      [4, 'open 1'],
      [5, 'open 1'],
      [8, undefined],
    ] as const) {
      await trainAlone(run, trainer, round);
      const resumed = watched();
      await resumed.trainer.restore(await trainer.snapshot());
      await resumed.trainer.open(allShards(run), notAborted);
      expect(resumed.log.filter((line) => line.startsWith('open'))).toEqual(
        expected === undefined ? [] : [expected],
      );
    }
    expect(trainer.finished).toBe(true);
  });
});
