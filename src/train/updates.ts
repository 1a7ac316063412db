import type { RunSpec } from '../config/run-spec.js';
import type { EvaluationRecord, TrainingState } from '../state/training-state.js';
import { isBetter } from './best.js';

type History = readonly Pick<EvaluationRecord, 'phase' | 'valLoss' | 'valAccuracy'>[];

/** How many updates of each phase parameters have behind them: those of the state, and the best ones (of the state while there are none). */
export interface Updates {
  readonly state: readonly number[];
  readonly best: readonly number[];
}

interface UpdatesSpec {
  readonly phases: readonly Pick<RunSpec['phases'][number], 'from' | 'accumulate'>[];
  readonly best: RunSpec['best'];
}

/**
 * As the history tells: a phase that starts from the best parameters leaves behind what came after those. `numBatches`: global batches of
 * an epoch. `running`: the epoch that is not evaluated yet, or the phase that has none; by default none.
 */
export function updatesOf(
  history: History,
  { phases, best: criterion }: UpdatesSpec,
  numBatches: number,
  running?: { readonly phase: number; readonly steps: number },
): Updates {
  let updates = phases.map(() => 0);
  let best: { readonly value: number; readonly updates: readonly number[] } | null = null;
  const add = (phase: number, before: number | undefined, steps: number): void => {
    if (before !== phase && phases[phase]!.from === 'best' && best !== null) {
      updates = [...best.updates];
    }
    updates[phase]! += steps;
  };
  for (const [epoch, { phase, valLoss, valAccuracy }] of history.entries()) {
    add(phase, history[epoch - 1]?.phase, Math.ceil(numBatches / phases[phase]!.accumulate));
    const value = criterion.metric === 'accuracy' ? valAccuracy : valLoss;
    if (isBetter(criterion.metric, value, best)) best = { value, updates: [...updates] };
  }
  if (running !== undefined) add(running.phase, history.at(-1)?.phase, running.steps);
  return { state: updates, best: best === null ? updates : [...best.updates] };
}

/** The same, as far as a state alone tells, without its data: each epoch has as many samples, and all batches but its last one are whole. */
export function updatesOfState(
  {
    phase,
    history,
    samples,
    epochSums,
  }: Pick<TrainingState, 'phase' | 'history' | 'samples' | 'epochSums'>,
  spec: UpdatesSpec & { readonly batch: Pick<RunSpec['batch'], 'size'> },
): Updates {
  const { size } = spec.batch;
  const perEpoch = history.length === 0 ? 0 : (samples - epochSums.count) / history.length;
  const steps = Math.ceil(epochSums.count / (size * spec.phases[phase]!.accumulate));
  return updatesOf(history, spec, Math.ceil(perEpoch / size), { phase, steps });
}
