import { expect, test } from 'vitest';
import { noEpochSums } from '../../../src/state/training-state.js';
import { updatesOf, updatesOfState } from '../../../src/train/updates.js';

const phase = (from: 'last' | 'best', accumulate = 1) => ({ from, accumulate });
const record = (phase: number, valAccuracy: number) => ({
  phase,
  valAccuracy,
  valLoss: -valAccuracy,
});
const accuracy = { metric: 'accuracy' } as const;

test('the updates of the epochs up to the best one count, by phase', () => {
  const spec = { phases: [phase('last'), phase('last', 4)], best: accuracy };
  const history = [record(0, 0.5), record(0, 0.4), record(1, 0.6), record(1, 0.6), record(1, 0.2)];
  // 2 epochs of 10 updates, then one of ceil(10 / 4); of equal epochs the first one is the best.
  expect(updatesOf(history, spec, 10)).toEqual({ best: [20, 3], state: [20, 9] });
  expect(updatesOf(history.slice(0, 2), spec, 10)).toEqual({ best: [10, 0], state: [20, 0] });
  expect(updatesOf([], spec, 10)).toEqual({ best: [0, 0], state: [0, 0] });
});

test('a phase that starts from the best epoch leaves behind what came after it', () => {
  const spec = { phases: [phase('last'), phase('best')], best: { metric: 'loss' } as const };
  const history = [record(0, 0.5), record(0, 0.4), record(0, 0.3), record(1, 0.6)];
  expect(updatesOf(history, spec, 10)).toEqual({ best: [10, 10], state: [10, 10] });
  // The phase has begun, and has no epoch yet.
  const running = { phase: 1, steps: 4 };
  expect(updatesOf(history.slice(0, 3), spec, 10, running).state).toEqual([10, 4]);
});

test('a state tells the same without its data, also amid an epoch', () => {
  const spec = {
    phases: [phase('last'), phase('last', 4)],
    best: accuracy,
    batch: { size: 8 },
  };
  // 75 samples are 10 batches of 8, the last one of 3.
  const history = [record(0, 0.5), record(0, 0.4), record(1, 0.3)].map((scores) => ({
    ...{ epoch: 0, trainLoss: 0, trainAccuracy: 0, learningRate: 0, ...scores },
  }));
  const at = (count: number) => ({
    ...{ phase: 1, history, samples: 3 * 75 + count, epochSums: { ...noEpochSums, count } },
  });
  expect(updatesOfState(at(0), spec)).toEqual({ best: [10, 0], state: [20, 3] });
  expect(updatesOfState(at(64), spec).state).toEqual([20, 5]);
  expect(updatesOfState(at(75), spec).state).toEqual([20, 6]);
  const none = { phase: 0, history: [], samples: 16, epochSums: { ...noEpochSums, count: 16 } };
  expect(updatesOfState(none, spec)).toEqual({ best: [2, 0], state: [2, 0] });
});
