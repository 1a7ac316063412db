import type { EvaluationRecord } from '../state/training-state.js';
import type { ElementRange } from './optimizers/tensors.js';
import { groupRates, updateScalars, type UpdateScalars } from './optimizers/update.js';
import { epochsOf, updatesPerEpoch, type RoundSchedule } from './round-plan.js';
import type { RunPhase } from './run-phase.js';
import { learningRateAt, type UpdatePlaceInPhase } from './schedules/learning-rate.js';
import type { RoundPlan } from './trainer.js';

interface Run {
  readonly phases: readonly RunPhase[];
  readonly schedule: RoundSchedule;
}

type History = readonly EvaluationRecord[];

/** The learning rate of a step, or of the last step before an evaluation; without that of groups. */
export function learningRateOf(run: Run, history: History, plan: RoundPlan): number {
  return rateOf(run, history, placeOf(run, history, plan));
}

/** What each part of the parameters is updated with in a step. `update` counts from 1 since the moments were fresh. */
export function ratedRanges(
  run: Run,
  history: History,
  plan: RoundPlan,
  update: number,
): (ElementRange & { readonly scalars: UpdateScalars })[] {
  const { ranges, spec } = run.phases[plan.phase]!;
  const place = placeOf(run, history, plan);
  const scalars = new Map<number | null, UpdateScalars>();
  return ranges.map(({ group, ...range }) => {
    let own = scalars.get(group);
    if (own === undefined) {
      const { learningRate, weightDecay } = groupRates(spec.optimizer, group);
      const rate = rateOf(run, history, place, learningRate);
      own = updateScalars(spec.optimizer, { step: update, learningRate: rate, weightDecay });
      scalars.set(group, own);
    }
    return { ...range, scalars: own };
  });
}

function rateOf(
  { phases }: Run,
  history: History,
  place: UpdatePlaceInPhase,
  base?: number,
): number {
  const specs = phases.map(({ spec }) => spec);
  return learningRateAt(specs, place, history, base);
}

function placeOf({ schedule }: Run, history: History, plan: RoundPlan): UpdatePlaceInPhase {
  const { phase, epoch } = plan;
  let epochInPhase = epoch;
  for (let before = 0; before < phase; before += 1) {
    epochInPhase -= epochsOf(schedule, history, before);
  }
  const numUpdates = updatesPerEpoch(schedule, phase);
  const update = plan.kind === 'step' ? plan.step : plan.kind === 'phase' ? 0 : numUpdates - 1;
  return { phase, epochInPhase, update, updatesPerEpoch: numUpdates };
}
