import { describe, expect, it } from 'vitest';
import type { RunEventBody } from '../../../src/control/events.js';
import { applyEvent, noReadings } from '../../../src/control/run-readings.js';

const readingsOf = (events: readonly RunEventBody[]) =>
  events.map((body) => ({ at: 0, ...body })).reduce(applyEvent, noReadings);

describe("the run's readings", () => {
  it('follow the events', () => {
    const member = { firstShard: 0, numShards: 4 };
    const epoch = {
      type: 'epoch',
      phase: 1,
      epochs: 25,
      train: { loss: 1, accuracy: 0.5 },
      learningRate: 0.03,
      isBest: true,
      seconds: 2,
      imagesPerSecond: 300,
    } as const;
    const skipped = { type: 'files-skipped', total: 2, listedIn: 'events.jsonl' } as const;
    const readings = readingsOf([
      { type: 'run-started', runId: 'r', term: 2, resumedFromRound: 24 },
      {
        type: 'generation',
        generation: '2.7',
        members: [
          { rank: 0, slot: 0, ...member },
          { rank: 1, slot: 2, ...member },
        ],
        round: 24,
        reason: 'start',
      },
      {
        type: 'step',
        round: 25,
        phase: 1,
        epoch: 3,
        epochs: 25,
        step: 0,
        steps: 23,
        loss: 1.5,
        accuracy: 0.4,
        learningRate: 0.003,
        imagesPerSecond: 420,
      },
      { ...epoch, epoch: 3, val: { loss: 1.2, accuracy: 0.6 }, rowsComputed: 10, rowsCached: 90 },
      { ...epoch, epoch: 4, val: { loss: 1.1, accuracy: 0.7 }, rowsComputed: 0, rowsCached: 100 },
      { type: 'checkpoint', kind: 'best', round: 25, epoch: 4, path: 'p' },
      { type: 'checkpoint', kind: 'best', round: 25, epoch: 4, path: 'p' },
      { type: 'test', loss: 1.3, accuracy: 0.65, samples: 100 },
      { ...skipped, first: 0, files: [{ path: 'a.png', reason: 'empty' }] },
      { ...skipped, first: 1, files: [{ path: 'b.png', reason: 'empty' }] }, // the same warning goes on
      { type: 'warning', message: 'w' },
      { type: 'worker-lost', slot: 2, cause: 'killed' },
      { type: 'worker-state', slot: 0, stage: 'train' },
    ]);
    expect(readings).toEqual({
      term: 2,
      generation: 7,
      round: 25,
      phase: 1,
      epoch: 4,
      epochs: 25,
      loss: { train: 1.5, val: 1.1, test: 1.3 },
      accuracy: { train: 0.4, val: 0.7, test: 0.65 },
      learningRate: 0.03,
      imagesPerSecond: 420,
      workers: 2,
      steps: 5 * 23,
      stepsPerEpoch: 23,
      workersLost: 1,
      rowsComputed: 10,
      rowsCached: 190,
      checkpoints: { checkpoint: 0, best: 2, final: 0 },
      warnings: 2,
    });
  });
});
