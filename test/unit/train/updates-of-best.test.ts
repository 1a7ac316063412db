import { expect, test } from 'vitest';
import { updatesOfBest } from '../../../src/train/updates-of-best.js';

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
  expect(updatesOfBest(history, spec, 10)).toEqual([20, 3]);
  expect(updatesOfBest(history.slice(0, 2), spec, 10)).toEqual([10, 0]);
  expect(updatesOfBest([], spec, 10)).toEqual([0, 0]);
});

test('a phase that starts from the best epoch leaves behind what came after it', () => {
  const spec = { phases: [phase('last'), phase('best')], best: { metric: 'loss' } as const };
  const history = [record(0, 0.5), record(0, 0.4), record(0, 0.3), record(1, 0.6)];
  expect(updatesOfBest(history, spec, 10)).toEqual([10, 10]);
});
