import type { PhaseSpec } from '../config/run-spec.js';
import { evaluationVectorLength, stepVectorLength } from './vectors.js';
import type { RoundPlan } from './trainer.js';

/** What the run's sequence of rounds depends on; the same on every worker. */
export interface RoundSchedule {
  readonly phases: readonly PhaseSpec[];
  /** Steps of an epoch. */
  readonly numTrainSteps: number;
  /** Whether the run ends with a score on test. */
  readonly hasTest: boolean;
  readonly numParameters: number;
}

/** Rounds of the whole run; the last one is the test score's where there is a test split. */
export function numRounds(schedule: RoundSchedule): number {
  const inPhases = schedule.phases.reduce(
    (sum, _, phase) => sum + roundsOfPhase(schedule, phase),
    0,
  );
  return inPhases + (schedule.hasTest ? 1 : 0);
}

/**
 * What round `round` (from 1) is. For each phase: a phase round where it is not the first, then for each epoch its
 * steps and one evaluation on val; after the last phase one evaluation on test. The answer depends on nothing that
 * happened, so a state knows its place by its round alone, and a longer last phase changes no earlier round.
 */
export function planRound(schedule: RoundSchedule, round: number): RoundPlan {
  let left = round - 1;
  let firstEpoch = 0;
  for (const [phase, { epochs }] of schedule.phases.entries()) {
    const rounds = roundsOfPhase(schedule, phase);
    if (left < rounds) return planInPhase(schedule, { round, phase, firstEpoch, left });
    left -= rounds;
    firstEpoch += epochs;
  }
  if (round > numRounds(schedule)) throw new RangeError(`Round ${round} is after the run's end.`);
  return {
    kind: 'evaluate',
    round,
    phase: schedule.phases.length - 1,
    epoch: firstEpoch - 1,
    split: 'test',
    vectorLength: evaluationVectorLength,
  };
}

function planInPhase(
  schedule: RoundSchedule,
  at: { round: number; phase: number; firstEpoch: number; left: number },
): RoundPlan {
  const { round, phase, firstEpoch } = at;
  const inEpochs = at.left - switchRounds(phase);
  if (inEpochs < 0) return { kind: 'phase', round, phase, epoch: firstEpoch, vectorLength: 1 };
  const epoch = firstEpoch + Math.floor(inEpochs / roundsOfEpoch(schedule));
  const step = inEpochs % roundsOfEpoch(schedule);
  if (step === schedule.numTrainSteps) {
    const vectorLength = evaluationVectorLength;
    return { kind: 'evaluate', round, phase, epoch, split: 'val', vectorLength };
  }
  const vectorLength = stepVectorLength(schedule.numParameters);
  return { kind: 'step', round, phase, epoch, step, vectorLength };
}

function switchRounds(phase: number): number {
  return phase === 0 ? 0 : 1;
}

function roundsOfEpoch(schedule: RoundSchedule): number {
  return schedule.numTrainSteps + 1;
}

function roundsOfPhase(schedule: RoundSchedule, phase: number): number {
  return switchRounds(phase) + schedule.phases[phase]!.epochs * roundsOfEpoch(schedule);
}
