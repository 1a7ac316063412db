import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { plainDisplay } from '../../../src/cli/progress/display.js';
import {
  dataReady,
  epoch,
  events,
  generation,
  joined,
  preparing,
  result,
  started,
  state,
  step,
} from './support.js';

/** What a log holds after these events. */
function log(...all: Parameters<typeof events>): string[] {
  const stream = new PassThrough();
  const display = plainDisplay(stream);
  events(...all).forEach(display.onEvent);
  display.close();
  stream.end();
  return String(stream.read() ?? '')
    .split('\n')
    .slice(0, -1);
}

describe('progress without a terminal', () => {
  it('is one line for each epoch and none for steps or stages', () => {
    expect(log(step(0, 0), state(0, 'training'), step(0, 1), epoch(0, true), epoch(1))).toEqual([
      'epoch 1/25: train loss 0.9000, accuracy 0.710; val loss 1.0100, accuracy 0.700 (best); lr 0.003; 4.2 s, 346 training images/s, 1,815 features computed',
      'epoch 2/25: train loss 0.9000, accuracy 0.710; val loss 1.0100, accuracy 0.710; lr 0.003; 4.2 s, 346 training images/s, 1,815 features computed',
    ]);
  });

  it('claims no speed for an epoch that was too short to measure, and no computing where there was none', () => {
    const short = { ...epoch(0), seconds: 0.03, imagesPerSecond: 3297, rowsComputed: 0 };
    expect(log(short as typeof started)).toEqual([
      'epoch 1/25: train loss 0.9000, accuracy 0.710; val loss 1.0100, accuracy 0.700; lr 0.003; 0.0 s',
    ]);
    // All of its steps were done before a resume.
    const evaluated = { ...epoch(0), imagesPerSecond: 0, rowsComputed: 0 };
    expect(log(evaluated as typeof started)).toEqual([
      'epoch 1/25: train loss 0.9000, accuracy 0.710; val loss 1.0100, accuracy 0.700; lr 0.003; 4.2 s',
    ]);
  });

  it('is one line for the start and one for the end of a preparation', () => {
    expect(
      log(
        preparing('fetching emoji', 0, 45_100_000),
        preparing('fetching emoji', 20_000_000, 45_100_000),
        preparing('fetching emoji', 45_100_000, 45_100_000),
        preparing('fetching emoji', 45_100_000, 45_100_000),
        preparing('reading', 0, 3786, 'files'),
        preparing('reading', 3786, 3786, 'files'),
        preparing('already there', 7, 7, 'files'),
        preparing('Loading weights', 0, 3, 'steps'),
        preparing('Model ready', 3, 3, 'steps'),
        preparing('The weights were trained on RGB.', 3, 3, 'steps'),
      ),
    ).toEqual([
      'Fetching emoji ...',
      'Fetching emoji: done, 45.1 MB.',
      'Reading ...',
      'Reading: done, 3,786 files.',
      'Already there: done, 7 files.',
      'Loading weights ...',
      'Model ready.',
      'The weights were trained on RGB.',
    ]);
  });

  it('leaves the loss of a worker before the first round to the error that ends the run', () => {
    const cause = 'Worker 1 was lost: its connection broke.';
    expect(log(joined(1), { type: 'worker-lost', slot: 1, cause })).toEqual([
      'worker 1 joined (pid 4001 on box)',
    ]);
  });

  it('tells who was lost and who has joined in the middle, and how the run goes on', () => {
    const lost = (slot: number, cause: string) => ({ type: 'worker-lost', slot, cause }) as const;
    const broke = 'was lost in stage gradients after round 9: its connection broke.';
    expect(
      log(
        ...[joined(0), joined(1), generation([0, 1]), step(0, 8)],
        ...[lost(1, `Worker 1 (process 4001 on box) ${broke}`), generation([0], 9)],
        ...[joined(1), generation([0, 1], 14), step(0, 20)],
        ...[lost(1, 'no answer'), lost(0, `Worker 0 ${broke}`)],
        ...[joined(1), joined(0), generation([0, 1], 12)],
      ).slice(3),
    ).toEqual([
      `worker 1 (process 4001 on box) ${broke}`,
      'going on with 1 worker from round 9',
      'worker 1 was started again (pid 4001 on box)',
      'worker 1 has joined; going on with 2 workers from round 14',
      'worker 1 was lost: no answer',
      `worker 0 ${broke} Nobody is left; others are waited for.`,
      'worker 1 was started again (pid 4001 on box)',
      'worker 0 was started again (pid 4000 on box)',
      'workers 0, 1 have joined; going on with 2 workers from its newest checkpoint, round 12',
    ]);
  });

  it('tells of the run, the data, workers that come, and warnings', () => {
    expect(
      log(
        { ...started, resumedFromRound: 94 } as typeof started,
        { ...dataReady, skipped: 2, test: 10 } as typeof dataReady,
        joined(1),
        generation([0, 1]),
        { type: 'warning', message: 'disk nearly full', rank: 1 },
        { type: 'warning', message: 'two\nlines \u001b[31m' },
        { type: 'test', loss: 0.5, accuracy: 0.9, samples: 10 },
        { type: 'run-finished', result },
      ),
    ).toEqual([
      'run quickstart-20250131T142233Z-k3f9, resumed from its last checkpoint',
      'data: 16 classes; 1,452 train, 363 val, 10 test images; 2 bad files left out',
      'worker 1 joined (pid 4001 on box)',
      '2 workers are ready',
      'warning (rank 1): disk nearly full',
      'warning: two lines  [31m',
      'test: loss 0.5000, accuracy 0.900, 10 images',
    ]);
  });

  it('tells where a phase stops early, and where another one begins and from what', () => {
    expect(
      log(
        {
          ...{ type: 'phase-stopped', phase: 0, phases: 3, epochs: 3, of: 10 },
          ...{ metric: 'accuracy', patience: 2 },
        },
        {
          ...{ type: 'phase', phase: 1, phases: 3, train: ['layer4', 'head'] },
          ...{ from: 'best', fromEpoch: 0 },
        },
        { type: 'phase', phase: 2, phases: 3, train: ['all'], from: 'last', fromEpoch: 4 },
      ),
    ).toEqual([
      'phase 1/3 stopped early, after 3 of 10 epochs: val accuracy got no better in 2 epochs',
      'phase 2/3 begins from epoch 1, the best; trains layer4, head',
      'phase 3/3 begins from epoch 5, the last; trains all',
    ]);
  });
});
