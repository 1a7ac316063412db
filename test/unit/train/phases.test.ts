import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numRounds, planRound, type RoundSchedule } from '../../../src/train/phases.js';
import type { RoundPlan } from '../../../src/train/trainer.js';
import { smallPhase } from '../../support/train/small-run.js';

const schedules = fc.record({
  phases: fc
    .array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 })
    .map((epochs) => epochs.map((n) => smallPhase({ epochs: n }))),
  numTrainSteps: fc.integer({ min: 1, max: 5 }),
  hasTest: fc.boolean(),
  numParameters: fc.constant(21),
});

/** The rounds as the nested loops that the arithmetic stands for. */
function written(schedule: RoundSchedule): RoundPlan[] {
  const plans: RoundPlan[] = [];
  let epoch = 0;
  for (const [phase, { epochs }] of schedule.phases.entries()) {
    const at = () => ({ round: plans.length + 1, phase, epoch });
    if (phase > 0) plans.push({ kind: 'phase', ...at(), vectorLength: 1 });
    for (let i = 0; i < epochs; i += 1) {
      for (let step = 0; step < schedule.numTrainSteps; step += 1) {
        plans.push({ kind: 'step', ...at(), step, vectorLength: 25 });
      }
      plans.push({ kind: 'evaluate', ...at(), split: 'val', vectorLength: 4 });
      epoch += 1;
    }
  }
  const phase = schedule.phases.length - 1;
  if (schedule.hasTest) {
    const at = { round: plans.length + 1, phase, epoch: epoch - 1 };
    plans.push({ kind: 'evaluate', ...at, split: 'test', vectorLength: 4 });
  }
  return plans;
}

describe('planRound', () => {
  it('gives the rounds of the nested loops over phases, epochs and steps', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const expected = written(schedule);
        expect(numRounds(schedule)).toBe(expected.length);
        expect(expected.map((_, i) => planRound(schedule, i + 1))).toEqual(expected);
      }),
    );
  });

  it('changes no earlier round where the last phase becomes longer', () => {
    const short = { phases: [smallPhase({ epochs: 2 }), smallPhase({ epochs: 1 })] };
    const long = { phases: [smallPhase({ epochs: 2 }), smallPhase({ epochs: 5 })] };
    const rest = { numTrainSteps: 3, hasTest: false, numParameters: 21 };
    for (let round = 1; round <= numRounds({ ...short, ...rest }); round += 1) {
      expect(planRound({ ...long, ...rest }, round)).toEqual(
        planRound({ ...short, ...rest }, round),
      );
    }
  });

  it('refuses a round after the end', () => {
    const schedule = { phases: [smallPhase()], numTrainSteps: 3, hasTest: false, numParameters: 1 };
    expect(() => planRound(schedule, 13)).toThrow(
      new RangeError("Round 13 is after the run's end."),
    );
  });
});
