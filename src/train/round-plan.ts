import type { PhaseSpec } from '../config/run-spec.js';
import type { EvaluationRecord } from '../state/training-state.js';
import { isStopped } from './early-stopping.js';
import type { RoundPlan } from './trainer.js';
import { evaluationVectorLength } from './vectors.js';

/** What the run's sequence of rounds depends on, beside the recorded evaluations; the same on every worker. */
export interface RoundSchedule {
  readonly phases: readonly Pick<PhaseSpec, 'epochs' | 'accumulate' | 'earlyStopping'>[];
  /** Length of the vector of a step, by phase. */
  readonly stepLengths: readonly number[];
  /** Global batches of an epoch. */
  readonly numBatches: number;
  /** Whether the run ends with a score on test. */
  readonly hasTest: boolean;
}

type History = readonly Pick<EvaluationRecord, 'phase' | 'valLoss' | 'valAccuracy'>[];

/** Rounds of the whole run, unless a phase stops early that has not done so yet; the last is the test score's where there is a test split. */
export function numRounds(schedule: RoundSchedule, history: History): number {
  const inPhases = schedule.phases.reduce(
    (sum, _, phase) => sum + roundsOfPhase(schedule, history, phase),
    0,
  );
  return inPhases + (schedule.hasTest ? 1 : 0);
}

/**
 * What round `round` (from 1) is. For each phase: a phase round where it is not the first, then for each epoch its
 * steps and one evaluation on val; after the last phase one evaluation on test. A phase has its epochs, or those that are in
 * the history where it has stopped early. So a state, which has the history, knows its place by its round alone, and a
 * longer last phase changes no earlier round.
 */
export function planRound(schedule: RoundSchedule, history: History, round: number): RoundPlan {
  let left = round - 1;
  let firstEpoch = 0;
  for (const phase of schedule.phases.keys()) {
    const rounds = roundsOfPhase(schedule, history, phase);
    if (left < rounds) return planInPhase(schedule, { round, phase, firstEpoch, left });
    left -= rounds;
    firstEpoch += epochsOf(schedule, history, phase);
  }
  if (round > numRounds(schedule, history)) {
    throw new RangeError(`Round ${round} is after the run's end.`);
  }
  return {
    kind: 'evaluate',
    round,
    phase: schedule.phases.length - 1,
    epoch: firstEpoch - 1,
    split: 'test',
    vectorLength: evaluationVectorLength,
  };
}

/** Updates of an epoch: an epoch's last one may have fewer batches than `accumulate`. */
export function updatesPerEpoch(schedule: RoundSchedule, phase: number): number {
  return Math.ceil(schedule.numBatches / schedule.phases[phase]!.accumulate);
}

/** The global batches of the update `step` of an epoch: [first, end). */
export function batchesOf(
  schedule: RoundSchedule,
  { phase, step }: { readonly phase: number; readonly step: number },
): { readonly first: number; readonly end: number } {
  const { accumulate } = schedule.phases[phase]!;
  const first = step * accumulate;
  return { first, end: Math.min(first + accumulate, schedule.numBatches) };
}

/** The epochs of a phase, as far as the history tells. */
export function epochsOf(
  { phases }: { readonly phases: readonly Pick<PhaseSpec, 'epochs' | 'earlyStopping'>[] },
  history: History,
  phase: number,
): number {
  const { epochs, earlyStopping } = phases[phase]!;
  const own = history.filter((record) => record.phase === phase);
  return earlyStopping !== null && isStopped(earlyStopping, own) ? own.length : epochs;
}

function planInPhase(
  schedule: RoundSchedule,
  at: { round: number; phase: number; firstEpoch: number; left: number },
): RoundPlan {
  const { round, phase, firstEpoch } = at;
  const inEpochs = at.left - switchRounds(phase);
  if (inEpochs < 0) return { kind: 'phase', round, phase, epoch: firstEpoch, vectorLength: 1 };
  const numUpdates = updatesPerEpoch(schedule, phase);
  const epoch = firstEpoch + Math.floor(inEpochs / (numUpdates + 1));
  const step = inEpochs % (numUpdates + 1);
  if (step === numUpdates) {
    const vectorLength = evaluationVectorLength;
    return { kind: 'evaluate', round, phase, epoch, split: 'val', vectorLength };
  }
  return { kind: 'step', round, phase, epoch, step, vectorLength: schedule.stepLengths[phase]! };
}

function switchRounds(phase: number): number {
  return phase === 0 ? 0 : 1;
}

function roundsOfPhase(schedule: RoundSchedule, history: History, phase: number): number {
  const inEpoch = updatesPerEpoch(schedule, phase) + 1;
  return switchRounds(phase) + epochsOf(schedule, history, phase) * inEpoch;
}
