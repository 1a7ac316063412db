import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../../src/coordinator/ledger.js';
import { RunNarrator } from '../../../src/coordinator/run-narrator.js';
import type { RoundReport } from '../../../src/rpc/control-messages.js';
import { reportOf } from './support.js';

const shape = { epochs: 3, steps: [2] };

function entryOf(report: RoundReport): LedgerEntry {
  const { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger } = report;
  return { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger };
}

function evaluation(round: number, rows: [number, number]): RoundReport {
  const report = reportOf(round, { kind: 'evaluate', split: 'val', samples: 50, loss: 0.7 });
  return { ...report, local: { ...report.local, rowsComputed: rows[0], rowsCached: rows[1] } };
}

describe('the narrator', () => {
  it('tells at most ten steps a second, with the speed of all of them', () => {
    const narrator = new RunNarrator({ shape, applied: [] });
    narrator.began(0, 1);
    const told = Array.from({ length: 100 }, (_, i) =>
      narrator.first(10 * (i + 1), entryOf(reportOf(i + 1)), 0.01),
    ).flat();
    expect(told).toHaveLength(10);
    // 32 samples every 10 ms.
    expect(told.at(-1)).toMatchObject({
      ...{ type: 'step', round: 91, epochs: 3, steps: 2, learningRate: 0.01 },
      imagesPerSecond: expect.closeTo(3200, 6) as number,
    });
    expect(narrator.trained).toEqual({ samples: 3200, seconds: 1 });
  });

  it('tells an epoch once all members have reported its evaluation', () => {
    const narrator = new RunNarrator({ shape, applied: [] });
    narrator.began(1000, 2);
    narrator.first(2000, entryOf(reportOf(1, { samples: 30, loss: 2, accuracy: 0.5 })), 0.1);
    narrator.first(3000, entryOf(reportOf(2, { samples: 10, loss: 1, accuracy: 1 })), 0.1);
    narrator.bestAt(3);
    const first = evaluation(3, [7, 1]);
    narrator.first(4000, entryOf(first), 0.1);
    expect(narrator.reported(4000, 'a', first)).toEqual([]);
    expect(narrator.reported(5000, 'b', evaluation(3, [5, 2]))).toEqual([
      {
        type: 'epoch',
        ...{ phase: 0, epoch: 0, epochs: 3, learningRate: 0.1, isBest: true },
        // (30 * 2 + 10 * 1) / 40 and (30 * 0.5 + 10 * 1) / 40
        train: { loss: 1.75, accuracy: 0.625 },
        val: { loss: 0.7, accuracy: 0.5 },
        seconds: 4,
        // 40 samples in the two seconds from the start to the last step
        imagesPerSecond: 20,
        ...{ rowsComputed: 12, rowsCached: 3 },
      },
    ]);
    const next = [evaluation(6, [7, 10]), evaluation(6, [6, 10])];
    narrator.reported(6000, 'a', next[0]!);
    expect(narrator.reported(6000, 'b', next[1]!)).toMatchObject([
      { isBest: false, seconds: 1, rowsComputed: 1, rowsCached: 17 },
    ]);
  });

  it('counts the beginning of an epoch that an earlier life has trained', () => {
    const applied = [entryOf(reportOf(1, { samples: 30, loss: 2, accuracy: 0 }))];
    const narrator = new RunNarrator({ shape, applied });
    narrator.began(0, 1);
    narrator.first(10, entryOf(reportOf(2, { samples: 10, loss: 1, accuracy: 1 })), 0.1);
    expect(narrator.reported(20, 'a', evaluation(3, [0, 0]))).toMatchObject([
      { train: { loss: 1.75, accuracy: 0.25 } },
    ]);
  });

  it('tells a test, and at the end what a lost member never reported', () => {
    const narrator = new RunNarrator({ shape, applied: [] });
    narrator.began(0, 2);
    const test = reportOf(9, { kind: 'evaluate', split: 'test', samples: 40, loss: 0.2 });
    narrator.reported(10, 'a', test);
    expect(narrator.ended(20)).toEqual([{ type: 'test', loss: 0.2, accuracy: 0.5, samples: 40 }]);
  });
});
