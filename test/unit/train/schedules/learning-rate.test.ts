import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AdamSpec, ScheduleSpec } from '../../../../src/config/phase-spec.js';
import { learningRateAt } from '../../../../src/train/schedules/learning-rate.js';

const optimizer: AdamSpec = {
  type: 'adam',
  learningRate: 0.5,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  groups: [],
};
const constant = { optimizer, schedule: { type: 'constant', warmup: null } } as const;

/** The rates of the first epochs of one phase, at their first update. */
function rates(schedule: ScheduleSpec, numEpochs: number): number[] {
  return Array.from({ length: numEpochs }, (_, epochInPhase) =>
    learningRateAt([{ optimizer, schedule }], placeAt(0, epochInPhase), []),
  );
}

function placeAt(phase: number, epochInPhase: number, update = 0, updatesPerEpoch = 1) {
  return { phase, epochInPhase, update, updatesPerEpoch };
}

function evaluations(phase: number, ...accuracies: number[]) {
  return accuracies.map((valAccuracy) => ({ phase, valAccuracy, valLoss: 1 }));
}

describe('learningRateAt', () => {
  it('decays by step at multiples of the step size only', () => {
    const schedule: ScheduleSpec = { type: 'step', stepSize: 3, gamma: 0.5, warmup: null };
    expect(rates(schedule, 7)).toEqual([0.5, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]);
  });

  it('has the bits of one multiplication after the other, which a power has not', () => {
    const schedule: ScheduleSpec = { type: 'exponential', gamma: 0.1, warmup: null };
    const phases = [{ optimizer: { ...optimizer, learningRate: 0.01 }, schedule }];
    const rate = learningRateAt(phases, placeAt(0, 3), []);
    expect(rate).toBe(0.01 * 0.1 * 0.1 * 0.1);
    expect(rate).not.toBe(0.01 * 0.1 ** 3);
  });

  it('decays at each milestone, whatever their order', () => {
    const schedule: ScheduleSpec = {
      type: 'multistep',
      milestones: [4, 1],
      gamma: 0.5,
      warmup: null,
    };
    expect(rates(schedule, 6)).toEqual([0.5, 0.25, 0.25, 0.25, 0.125, 0.125]);
  });

  it('goes down half a cosine, to the least rate in its last epoch', () => {
    const schedule: ScheduleSpec = { type: 'cosine', epochs: 4, minRate: 0.1, warmup: null };
    const [first, , middle, , last] = rates(schedule, 5);
    expect(first).toBe(0.5);
    expect(middle).toBeCloseTo(0.3, 15);
    expect(last).toBe(0.1);
  });

  it('warms up update by update, and counts the epochs of the schedule after it', () => {
    const schedule: ScheduleSpec = {
      type: 'step',
      stepSize: 1,
      gamma: 0.5,
      warmup: { epochs: 2, factor: 0.2 },
    };
    const places = [0, 1, 2, 3].flatMap((epoch) => [0, 1].map((u) => placeAt(0, epoch, u, 2)));
    const actual = places.map((place) => learningRateAt([{ optimizer, schedule }], place, []));
    // 0.5 * (0.2 + 0.8 * done / 4)
    [0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.25, 0.25].forEach((rate, i) => {
      expect(actual[i]).toBeCloseTo(rate, 15);
    });
  });

  it('takes the rate from which the schedule starts in place of the optimizer’s, for a group', () => {
    const schedule: ScheduleSpec = { type: 'cosine', epochs: 2, minRate: 0.1, warmup: null };
    const phases = [{ optimizer, schedule }];
    // 0.1 + (0.3 - 0.1) / 2: the least rate holds for every group
    expect(learningRateAt(phases, placeAt(0, 1), [], 0.3)).toBeCloseTo(0.2, 15);
  });

  const plateau: ScheduleSpec = {
    type: 'plateau',
    metric: 'accuracy',
    factor: 0.5,
    patience: 1,
    threshold: 0,
    cooldown: 0,
    minRate: 0.2,
    warmup: null,
  };

  it('looks for a plateau in the evaluations of its own phase before the epoch', () => {
    const phases = [constant, { optimizer, schedule: plateau }];
    const history = [...evaluations(0, 0.9, 0.9, 0.9), ...evaluations(1, 0.5, 0.5, 0.5, 0.5, 0.5)];
    const actual = [0, 1, 2, 3, 4, 5].map((epoch) =>
      learningRateAt(phases, placeAt(1, epoch), history),
    );
    // Two evaluations without an improvement are more than the patience of one; 0.5 * 0.5 * 0.5 would be under the least rate.
    expect(actual).toEqual([0.5, 0.5, 0.5, 0.25, 0.25, 0.2]);
  });

  it('counts no evaluation of the warm-up', () => {
    const schedule: ScheduleSpec = { ...plateau, warmup: { epochs: 3, factor: 1 } };
    const history = evaluations(0, 0.9, 0.9, 0.9, 0.5, 0.5, 0.5);
    const actual = [3, 4, 5, 6].map((epoch) =>
      learningRateAt([{ optimizer, schedule }], placeAt(0, epoch), history),
    );
    expect(actual).toEqual([0.5, 0.5, 0.5, 0.25]);
  });

  it('never rises but in a warm-up and past the end of a cosine', () => {
    const schedules = fc.oneof(
      fc.record({
        type: fc.constant('step' as const),
        stepSize: fc.integer({ min: 1, max: 9 }),
        gamma: fc.double({ min: 0.01, max: 1, noNaN: true }),
      }),
      fc.record({
        type: fc.constant('multistep' as const),
        milestones: fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 4 }),
        gamma: fc.double({ min: 0.01, max: 1, noNaN: true }),
      }),
      fc.record({
        type: fc.constant('cosine' as const),
        epochs: fc.constant(20),
        minRate: fc.constant(0.01),
      }),
    );
    fc.assert(
      fc.property(schedules, (schedule) => {
        const all = rates({ ...schedule, warmup: null }, 21);
        expect(all[0]).toBe(0.5);
        expect(all).toEqual([...all].sort((a, b) => b - a));
      }),
    );
  });
});
