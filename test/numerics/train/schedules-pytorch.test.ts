import { describe, expect, it } from 'vitest';
import type { ScheduleSpec } from '../../../src/config/phase-spec.js';
import { learningRateAt } from '../../../src/train/schedules/learning-rate.js';
import { fixture } from './update-fixture.js';

/** The rate of each of so many epochs of one phase, at its first update. */
function ratesOf(
  learningRate: number,
  schedule: ScheduleSpec,
  numEpochs: number,
  history: Parameters<typeof learningRateAt>[2] = [],
): number[] {
  const optimizer = {
    type: 'sgd' as const,
    learningRate,
    momentum: 0,
    dampening: 0,
    nesterov: false,
    weightDecay: 0,
    groups: [],
  };
  return Array.from({ length: numEpochs }, (_, epochInPhase) => {
    const place = { phase: 0, epochInPhase, update: 0, updatesPerEpoch: 1 };
    return learningRateAt([{ optimizer, schedule }], place, history);
  });
}

/** Largest relative difference; a rate of 0 has to be 0, or as near to it as rounding leaves it. */
function furthest(actual: readonly number[], expected: readonly number[], scale: number): number {
  expect(actual.length).toBe(expected.length);
  return Math.max(
    ...expected.map((rate, i) => Math.abs(actual[i]! - rate) / Math.max(rate, scale * 1e-6)),
  );
}

describe('a schedule', () => {
  const chained = ['step', 'multistep', 'exponential'];

  it.each(fixture.schedules.filter(({ schedule }) => schedule.warmup === null))(
    'is $schedule.type of PyTorch: $schedule',
    ({ learningRate, schedule, rates }) => {
      const actual = ratesOf(learningRate, schedule, rates.length);
      if (chained.includes(schedule.type) && !hasDouble(schedule)) expect(actual).toEqual(rates);
      expect(furthest(actual, rates, learningRate)).toBeLessThan(1e-12);
    },
  );

  it.each(fixture.schedules.filter(({ schedule }) => schedule.warmup !== null))(
    'begins after its warm-up as in SequentialLR: $schedule',
    ({ learningRate, schedule, rates }) => {
      const actual = ratesOf(learningRate, schedule, rates.length);
      expect(furthest(actual, rates, learningRate)).toBeLessThan(1e-12);
    },
  );

  it.each(fixture.plateaus)(
    'is ReduceLROnPlateau: $schedule',
    ({ learningRate, schedule, values, rates }) => {
      const history = values.map((value) => ({ phase: 0, valLoss: value, valAccuracy: value }));
      expect(ratesOf(learningRate, schedule, rates.length, history)).toEqual(rates);
      // As it grows by an evaluation an epoch, the history gives the same: it is not looked into beyond an epoch.
      const asItWas = rates.map((_, epoch) =>
        ratesOf(learningRate, schedule, epoch + 1, history.slice(0, epoch)).at(-1),
      );
      expect(asItWas).toEqual(rates);
    },
  );
});

/** PyTorch takes gamma to the power of a milestone's number of occurrences, where we multiply by it that often. */
function hasDouble(schedule: ScheduleSpec): boolean {
  return (
    schedule.type === 'multistep' && new Set(schedule.milestones).size < schedule.milestones.length
  );
}

describe('a warm-up', () => {
  it.each(fixture.warmups)(
    'is LinearLR update by update: $warmup',
    ({ learningRate, warmup, updatesPerEpoch, rates }) => {
      const optimizer = {
        type: 'adam' as const,
        learningRate,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
        groups: [],
      };
      const actual = rates.map((_, done) =>
        learningRateAt(
          [{ optimizer, schedule: { type: 'constant', warmup } }],
          {
            phase: 0,
            epochInPhase: Math.floor(done / updatesPerEpoch),
            update: done % updatesPerEpoch,
            updatesPerEpoch,
          },
          [],
        ),
      );
      expect(furthest(actual, rates, learningRate)).toBeLessThan(1e-12);
    },
  );
});
