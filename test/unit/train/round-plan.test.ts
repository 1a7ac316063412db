import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isStopped } from '../../../src/train/early-stopping.js';
import {
  batchesOf,
  numRounds,
  planRound,
  type RoundSchedule,
} from '../../../src/train/round-plan.js';
import type { RoundPlan } from '../../../src/train/trainer.js';

const phases = fc.array(
  fc.record({
    epochs: fc.integer({ min: 1, max: 4 }),
    accumulate: fc.integer({ min: 1, max: 3 }),
    earlyStopping: fc.option(
      fc.record({
        metric: fc.constant('loss' as const),
        patience: fc.integer({ min: 1, max: 2 }),
        minDelta: fc.constant(0),
      }),
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

const schedules = phases.chain((list) =>
  fc.record({
    phases: fc.constant(list),
    stepLengths: fc.constant(list.map((_, phase) => 20 + phase)),
    numBatches: fc.integer({ min: 1, max: 5 }),
    hasTest: fc.boolean(),
  }),
);

interface Walked {
  readonly plans: RoundPlan[];
  readonly history: { phase: number; valLoss: number; valAccuracy: number }[];
}

/** The rounds, and what they record, as the nested loops that the arithmetic stands for. `losses`: of the evaluations, in turn. */
function walked(schedule: RoundSchedule, losses: readonly number[]): Walked {
  const plans: RoundPlan[] = [];
  const history: Walked['history'] = [];
  let epoch = 0;
  for (const [phase, { epochs, accumulate, earlyStopping }] of schedule.phases.entries()) {
    const at = () => ({ round: plans.length + 1, phase, epoch });
    if (phase > 0) plans.push({ kind: 'phase', ...at(), vectorLength: 1 });
    for (let i = 0; i < epochs; i += 1) {
      for (let step = 0; step * accumulate < schedule.numBatches; step += 1) {
        plans.push({ kind: 'step', ...at(), step, vectorLength: 20 + phase });
      }
      plans.push({ kind: 'evaluate', ...at(), split: 'val', vectorLength: 4 });
      history.push({ phase, valLoss: losses[epoch % losses.length]!, valAccuracy: 0 });
      epoch += 1;
      const own = history.filter((record) => record.phase === phase);
      if (earlyStopping !== null && isStopped(earlyStopping, own)) break;
    }
  }
  const phase = schedule.phases.length - 1;
  if (schedule.hasTest) {
    const at = { round: plans.length + 1, phase, epoch: epoch - 1 };
    plans.push({ kind: 'evaluate', ...at, split: 'test', vectorLength: 4 });
  }
  return { plans, history };
}

const anyLosses = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 });

describe('planRound', () => {
  it('gives the rounds of the nested loops over phases, epochs and steps, with what was recorded until then', () => {
    fc.assert(
      fc.property(schedules, anyLosses, (schedule, losses) => {
        const { plans, history } = walked(schedule, losses);
        expect(numRounds(schedule, history)).toBe(plans.length);
        for (const plan of plans) {
          // A state at a round knows the evaluations before it.
          const known = plans.filter(
            ({ kind, round }) => kind === 'evaluate' && round < plan.round,
          ).length;
          expect(planRound(schedule, history.slice(0, known), plan.round)).toEqual(plan);
          expect(planRound(schedule, history, plan.round)).toEqual(plan);
        }
      }),
    );
  });

  it('changes no earlier round where the last phase becomes longer', () => {
    const phase = { epochs: 2, accumulate: 1, earlyStopping: null };
    const rest = { numBatches: 3, hasTest: false, stepLengths: [21, 22] };
    const short = { phases: [phase, { ...phase, epochs: 1 }], ...rest };
    const long = { phases: [phase, { ...phase, epochs: 5 }], ...rest };
    for (let round = 1; round <= numRounds(short, []); round += 1) {
      expect(planRound(long, [], round)).toEqual(planRound(short, [], round));
    }
  });

  it('refuses a round after the end', () => {
    const phase = { epochs: 3, accumulate: 1, earlyStopping: null };
    const schedule = { phases: [phase], numBatches: 3, hasTest: false, stepLengths: [1] };
    expect(() => planRound(schedule, [], 13)).toThrow(
      new RangeError("Round 13 is after the run's end."),
    );
  });
});

describe('batchesOf', () => {
  it('deals each batch of an epoch to one update, in order', () => {
    fc.assert(
      fc.property(schedules, (schedule) => {
        const used = planSteps(schedule).flatMap((step) => {
          const { first, end } = batchesOf(schedule, { phase: 0, step });
          return Array.from({ length: end - first }, (_, i) => first + i);
        });
        expect(used).toEqual(Array.from({ length: schedule.numBatches }, (_, i) => i));
      }),
    );
  });
});

/** The steps of the first epoch. */
function planSteps(schedule: RoundSchedule): number[] {
  const steps: number[] = [];
  for (let round = 1; ; round += 1) {
    const plan = planRound(schedule, [], round);
    if (plan.kind !== 'step') return steps;
    steps.push(plan.step);
  }
}
