import type { PhaseSpec, ScheduleSpec, WarmupSpec } from '../../config/phase-spec.js';
import type { EvaluationRecord } from '../../state/training-state.js';
import { cosineRate } from './cosine.js';
import { exponentialRate, multistepRate, stepRate } from './decay.js';
import { plateauRate } from './plateau.js';

/** Where an update is. All count from 0. */
export interface UpdatePlaceInPhase {
  readonly phase: number;
  readonly epochInPhase: number;
  /** In its epoch. */
  readonly update: number;
  readonly updatesPerEpoch: number;
}

type History = readonly Pick<EvaluationRecord, 'phase' | 'valLoss' | 'valAccuracy'>[];

/**
 * The learning rate of an update: a pure function of its place and of the evaluations before its epoch, so that nothing of a schedule is
 * stored. A warm-up has its epochs to itself; the schedule's count from 0 after it, as PyTorch's SequentialLR has it, and so do the
 * evaluations that a plateau looks at. `history` is the run's, oldest first, one evaluation an epoch. `rate`: what the schedule starts
 * from, where a group of parameters has its own.
 */
export function learningRateAt(
  phases: readonly Pick<PhaseSpec, 'optimizer' | 'schedule'>[],
  place: UpdatePlaceInPhase,
  history: History,
  rate = phases[place.phase]!.optimizer.learningRate,
): number {
  const { schedule } = phases[place.phase]!;
  const warmupEpochs = schedule.warmup?.epochs ?? 0;
  if (schedule.warmup !== null && place.epochInPhase < warmupEpochs) {
    return warmupRate(rate, schedule.warmup, place);
  }
  const evaluations = history.filter(({ phase }) => phase === place.phase);
  return scheduledRate(rate, schedule, {
    epoch: place.epochInPhase - warmupEpochs,
    records: evaluations.slice(warmupEpochs, place.epochInPhase),
  });
}

/**
 * torch.optim.lr_scheduler.LinearLR, a step for each update, in its closed form: from `factor * rate` at the phase's first update
 * to `rate` at the first one after the warm-up.
 */
function warmupRate(
  rate: number,
  { epochs, factor }: WarmupSpec,
  { epochInPhase, update, updatesPerEpoch }: UpdatePlaceInPhase,
): number {
  const done = epochInPhase * updatesPerEpoch + update;
  return rate * (factor + ((1 - factor) * done) / (epochs * updatesPerEpoch));
}

function scheduledRate(
  rate: number,
  schedule: ScheduleSpec,
  { epoch, records }: { readonly epoch: number; readonly records: History },
): number {
  switch (schedule.type) {
    case 'constant':
      return rate;
    case 'step':
      return stepRate(rate, schedule.stepSize, schedule.gamma, epoch);
    case 'multistep':
      return multistepRate(rate, schedule.milestones, schedule.gamma, epoch);
    case 'exponential':
      return exponentialRate(rate, schedule.gamma, epoch);
    case 'cosine':
      return cosineRate(rate, schedule, epoch);
    case 'plateau':
      return plateauRate(rate, schedule, records);
  }
}
