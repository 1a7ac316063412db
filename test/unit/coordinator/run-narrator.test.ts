import { describe, expect, it } from 'vitest';
import type { LedgerEntry } from '../../../src/coordinator/ledger.js';
import { RunNarrator } from '../../../src/coordinator/run-narrator.js';
import type { RoundReport } from '../../../src/rpc/control-messages.js';
import { decodeSnapshot } from '../../../src/state/snapshot.js';
import { resultOf } from '../../../src/train/result.js';
import { smallPhase, smallRun, smallTrainer, trainAlone } from '../../support/train/small-run.js';
import { reportOf } from './support.js';

const start = {
  phases: [{ train: ['head'], from: 'last', epochs: 3, earlyStopping: null }],
  ...{ steps: [2], history: [], bestEpoch: null },
} as const;

function entryOf(report: RoundReport): LedgerEntry {
  const { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger } = report;
  return { round, kind, phase, epoch, step, split, samples, loss, accuracy, ledger };
}

function evaluation(
  round: number,
  rows: [number, number],
  change: Partial<RoundReport> = {},
): RoundReport {
  const report = reportOf(round, {
    ...{ kind: 'evaluate', split: 'val', samples: 50, loss: 0.7 },
    epochTraining: { loss: 1.75, accuracy: 0.625 },
    ...change,
  });
  return { ...report, local: { ...report.local, rowsComputed: rows[0], rowsCached: rows[1] } };
}

describe('the narrator', () => {
  it('tells at most ten steps a second, with the speed of all of them', () => {
    const narrator = new RunNarrator(start);
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
    const narrator = new RunNarrator(start);
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
        train: { loss: 1.75, accuracy: 0.625 },
        val: { loss: 0.7, accuracy: 0.5 },
        // Until the first member reported its evaluation.
        seconds: 3,
        // 40 samples in the two seconds from the start to the last step
        imagesPerSecond: 20,
        ...{ rowsComputed: 12, rowsCached: 3 },
      },
    ]);
    const next = [evaluation(6, [7, 10]), evaluation(6, [6, 10])];
    narrator.first(6000, entryOf(next[0]!), 0.1);
    narrator.reported(6000, 'a', next[0]!);
    expect(narrator.reported(6000, 'b', next[1]!)).toMatchObject([
      { isBest: false, seconds: 2, imagesPerSecond: 0, rowsComputed: 1, rowsCached: 17 },
    ]);
  });

  it("has an epoch's mean loss by the weights of its samples, as the result has it", async () => {
    const classWeights = { a: 0.5, b: 2 };
    const run = smallRun({ phases: [smallPhase({ epochs: 2, classWeights })] });
    const { trainer } = smallTrainer(run);
    const narrator = new RunNarrator({ ...start, phases: run.spec.phases });
    narrator.began(0, 1);
    const told = (await trainAlone(run, trainer)).flatMap((outcome) => {
      const { plan, split, samples, loss, accuracy, learningRate, epochTraining } = outcome;
      const report = reportOf(plan.round, {
        ...{ kind: plan.kind, epoch: plan.epoch, split, samples, loss, accuracy, learningRate },
        epochTraining,
      });
      narrator.first(plan.round, entryOf(report), learningRate);
      return narrator.reported(plan.round, 'a', report);
    });
    const state = decodeSnapshot((await trainer.snapshot()).bytes);
    expect(told).toMatchObject(
      state.history.map(({ trainLoss, trainAccuracy }) => ({
        type: 'epoch',
        train: { loss: trainLoss, accuracy: trainAccuracy },
      })),
    );
    const result = resultOf(state, run.spec);
    expect(told.at(-1)).toMatchObject({ train: result.train, val: result.val });
  });

  it('times the steps of an epoch from the end of the one before, whoever reports late', () => {
    const narrator = new RunNarrator(start);
    narrator.began(0, 2);
    narrator.first(900, entryOf(reportOf(1, { samples: 50 })), 0.1);
    const evaluated = evaluation(2, [0, 0]);
    narrator.first(1000, entryOf(evaluated), 0.1);
    narrator.reported(1000, 'a', evaluated);
    // The next epoch's only step is over before the other member has reported the evaluation.
    narrator.first(1500, entryOf(reportOf(3, { epoch: 1, samples: 50 })), 0.1);
    expect(narrator.reported(1501, 'b', evaluated)).toMatchObject([
      { epoch: 0, seconds: 1, imagesPerSecond: expect.closeTo(50 / 0.9) as number },
    ]);
    const next = evaluation(4, [0, 0], { epoch: 1 });
    narrator.first(1600, entryOf(next), 0.1);
    narrator.reported(1600, 'a', next);
    expect(narrator.reported(1600, 'b', next)).toMatchObject([
      { epoch: 1, seconds: expect.closeTo(0.6) as number, imagesPerSecond: 100 },
    ]);
  });

  it('leaves out of a speed what it took to open a phase', () => {
    const phases = [start.phases[0], start.phases[0]];
    const narrator = new RunNarrator({ ...start, phases, steps: [1, 1] });
    narrator.began(0, 1);
    const change = { kind: 'phase', phase: 1, epoch: 3, samples: 0 } as const;
    narrator.first(5000, entryOf(reportOf(7, change)), 0.1);
    narrator.first(6000, entryOf(reportOf(8, { phase: 1, epoch: 3, samples: 50 })), 0.1);
    const evaluated = evaluation(9, [0, 0], { phase: 1, epoch: 3 });
    narrator.first(7000, entryOf(evaluated), 0.1);
    expect(narrator.reported(7000, 'a', evaluated)).toMatchObject([
      { seconds: 2, imagesPerSecond: 50 },
    ]);
  });

  it('goes on over a change of members: an epoch keeps its samples and times, and waits for nobody who is gone', () => {
    const narrator = new RunNarrator(start);
    narrator.began(0, 2);
    narrator.first(1000, entryOf(reportOf(1, { samples: 30 })), 0.1);
    expect(narrator.began(1500, 1)).toEqual([]);
    narrator.first(2000, entryOf(reportOf(2, { samples: 10 })), 0.1);
    const evaluated = evaluation(3, [4, 0]);
    narrator.first(3000, entryOf(evaluated), 0.1);
    narrator.began(3000, 2); // another one has joined before it was reported
    expect(narrator.reported(3000, 'a', evaluated)).toEqual([]);
    const told = narrator.began(3500, 1);
    expect(told).toMatchObject([{ type: 'epoch', seconds: 3, imagesPerSecond: 20 }]);
    // A report that was on its way, or of one that runs the round again.
    expect(narrator.reported(3600, 'b', evaluated)).toEqual([]);
    expect(narrator.reported(3600, 'a', evaluated)).toEqual([]);
    expect(narrator.trained).toEqual({ samples: 40, seconds: 3 });
  });

  it('tells what came before a milestone that all members have reported', () => {
    const narrator = new RunNarrator(start);
    narrator.began(0, 2);
    narrator.reported(1, 'a', evaluation(3, [0, 0]));
    const next = evaluation(6, [0, 0], { epoch: 1 });
    narrator.reported(2, 'a', next);
    expect(narrator.reported(3, 'b', next)).toMatchObject([{ epoch: 0 }, { epoch: 1 }]);
  });

  it('tells a test, and at the end what a lost member never reported', () => {
    const narrator = new RunNarrator(start);
    narrator.began(0, 2);
    const test = reportOf(9, { kind: 'evaluate', split: 'test', samples: 40, loss: 0.2 });
    narrator.reported(10, 'a', test);
    expect(narrator.ended(20)).toEqual([{ type: 'test', loss: 0.2, accuracy: 0.5, samples: 40 }]);
  });

  it('tells that a phase begins once all members are in it, and from which epoch', () => {
    const from = { train: ['layer4', 'head'], epochs: 2, earlyStopping: null } as const;
    const phases = [start.phases[0], { ...from, from: 'best' }, { ...from, from: 'last' }] as const;
    const narrator = new RunNarrator({ ...start, phases, steps: [2, 2, 2], bestEpoch: 0 });
    narrator.began(0, 2);
    narrator.bestAt(6);
    for (const name of ['a', 'b']) narrator.reported(1, name, evaluation(6, [0, 0], { epoch: 1 }));
    for (const name of ['a', 'b']) narrator.reported(2, name, evaluation(9, [0, 0], { epoch: 2 }));
    const second = reportOf(10, { kind: 'phase', phase: 1, epoch: 3 });
    expect(narrator.reported(3, 'a', second)).toEqual([]);
    expect(narrator.reported(3, 'b', second)).toEqual([
      {
        ...{ type: 'phase', phase: 1, phases: 3, train: ['layer4', 'head'] },
        ...{ from: 'best', fromEpoch: 1 },
      },
    ]);
    const third = reportOf(17, { kind: 'phase', phase: 2, epoch: 5 });
    narrator.reported(4, 'a', third);
    expect(narrator.reported(4, 'b', third)).toMatchObject([{ from: 'last', fromEpoch: 4 }]);
  });

  it('tells that a phase has stopped early, as the workers decide it, and counts the epochs that are due', () => {
    const earlyStopping = { metric: 'loss', patience: 2, minDelta: 0 } as const;
    const phases = [
      { ...start.phases[0], epochs: 10, earlyStopping },
      { ...start.phases[0], epochs: 2 },
    ];
    const history = [{ phase: 0, epoch: 0, valLoss: 0.5, valAccuracy: 0.5 }];
    const narrator = new RunNarrator({ phases, steps: [1, 1], history, bestEpoch: 0 });
    narrator.began(0, 1);
    expect(narrator.reported(1, 'a', evaluation(4, [0, 0], { epoch: 1 }))).toMatchObject([
      { type: 'epoch', epoch: 1, epochs: 12 },
    ]);
    expect(narrator.reported(2, 'a', evaluation(6, [0, 0], { epoch: 2 }))).toMatchObject([
      { type: 'epoch', epoch: 2, epochs: 5 },
      {
        ...{ type: 'phase-stopped', phase: 0, phases: 2, epochs: 3, of: 10 },
        ...{ metric: 'loss', patience: 2 },
      },
    ]);
    const step = entryOf(reportOf(8, { phase: 1, epoch: 3 }));
    expect(narrator.first(3, step, 0.1)).toMatchObject([{ type: 'step', epochs: 5 }]);
    // In the last of its epochs it would not have gone on either way.
    const last = new RunNarrator({
      ...{ phases: [{ ...phases[0]!, epochs: 3 }], steps: [1], bestEpoch: 0 },
      history: [...history, { phase: 0, epoch: 1, valLoss: 0.6, valAccuracy: 0.5 }],
    });
    last.began(0, 1);
    expect(last.reported(1, 'a', evaluation(6, [0, 0], { epoch: 2 }))).toMatchObject([
      { type: 'epoch', epochs: 3 },
    ]);
  });
});
