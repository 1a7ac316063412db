import { describe, expect, it } from 'vitest';
import type { LocalReport, RoundReport } from '../../../src/rpc/control-messages.js';
import type { RoundOutcome, RoundPlan } from '../../../src/train/trainer.js';
import { Reporter } from '../../../src/worker/reporter.js';

const id = { term: 1, number: 1 };

function outcomeOf(round: number, kind: 'step' | 'evaluate' = 'step'): RoundOutcome {
  const common = { round, phase: 0, epoch: 2, vectorLength: 3 };
  const plan: RoundPlan =
    kind === 'step' ? { kind, step: 7, ...common } : { kind, split: 'val', ...common };
  return {
    plan,
    split: kind === 'step' ? 'train' : 'val',
    ...{ samples: 32, loss: 0.5, accuracy: 0.25, learningRate: 0.1 },
    epochTraining: kind === 'step' ? null : { loss: 0.75, accuracy: 0.125 },
    ...{ checkpointDue: false, isBest: false, finished: false },
  };
}

function reporter() {
  const clock = { nowMs: 0 };
  const sent: RoundReport[] = [];
  let numAsked = 0;
  const local = (): LocalReport => ({
    ...{ seconds: { wait: ++numAsked }, rowsComputed: 4, rowsCached: 5, samples: 6 },
    ...{ bytesSent: 7, longestBlockMs: 8 },
  });
  const made = new Reporter({
    everyMs: 50,
    nowMs: () => clock.nowMs,
    send: (report) => {
      sent.push(report);
    },
    local,
  });
  return { clock, sent, reporter: made };
}

describe('the reporter', () => {
  it('sends every round, in batches of 50 ms, each with the own share told once', () => {
    const { clock, sent, reporter: made } = reporter();
    for (let round = 1; round <= 20; round++) {
      clock.nowMs += 10;
      made.add(id, outcomeOf(round), `ledger ${round}`);
      expect(sent).toHaveLength(5 * Math.floor(round / 5));
    }
    expect(sent.map(({ round }) => round)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
    expect(sent.map(({ local }) => local.seconds['wait'])).toEqual(
      [1, 2, 3, 4].flatMap((n) => [undefined, undefined, undefined, undefined, n]),
    );
    expect(sent[4]).toEqual({
      generation: id,
      ...{ round: 5, kind: 'step', phase: 0, epoch: 2, step: 7, ledger: 'ledger 5' },
      ...{ split: 'train', samples: 32, loss: 0.5, accuracy: 0.25, learningRate: 0.1 },
      epochTraining: null,
      local: {
        ...{ seconds: { wait: 1 }, rowsComputed: 4, rowsCached: 5, samples: 6 },
        ...{ bytesSent: 7, longestBlockMs: 8 },
      },
    });
  });

  it("tells an epoch's training with its evaluation", () => {
    const { sent, reporter: made } = reporter();
    made.add(id, outcomeOf(2, 'evaluate'), 'ledger 2');
    expect(sent).toMatchObject([
      { kind: 'evaluate', epochTraining: { loss: 0.75, accuracy: 0.125 } },
    ]);
  });

  it('sends an evaluation at once, after what waits', () => {
    const { sent, reporter: made } = reporter();
    made.add(id, outcomeOf(1), 'a');
    made.add(id, outcomeOf(2, 'evaluate'), 'b');
    expect(sent.map(({ round, kind }) => [round, kind])).toEqual([
      [1, 'step'],
      [2, 'evaluate'],
    ]);
  });

  it('sends what waits when asked to, and nothing twice', () => {
    const { sent, reporter: made } = reporter();
    made.add(id, outcomeOf(1), 'a');
    made.flush();
    made.flush();
    expect(sent).toHaveLength(1);
  });
});
