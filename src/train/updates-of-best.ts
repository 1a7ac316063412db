import type { RunSpec } from '../config/run-spec.js';
import type { EvaluationRecord } from '../state/training-state.js';
import { isBetter } from './best.js';

type History = readonly Pick<EvaluationRecord, 'phase' | 'valLoss' | 'valAccuracy'>[];

/**
 * How many updates of each phase the best parameters have behind them, as the history tells: a phase that starts from the best ones
 * leaves behind what came after those. `numBatches`: global batches of an epoch.
 */
export function updatesOfBest(
  history: History,
  spec: {
    readonly phases: readonly Pick<RunSpec['phases'][number], 'from' | 'accumulate'>[];
    readonly best: RunSpec['best'];
  },
  numBatches: number,
): number[] {
  const { phases, best: criterion } = spec;
  let updates = phases.map(() => 0);
  let best: { readonly value: number; readonly updates: readonly number[] } | null = null;
  for (const [epoch, { phase, valLoss, valAccuracy }] of history.entries()) {
    const { from, accumulate } = phases[phase]!;
    const isFirst = history[epoch - 1]?.phase !== phase;
    if (isFirst && from === 'best' && best !== null) updates = [...best.updates];
    updates[phase]! += Math.ceil(numBatches / accumulate);
    const value = criterion.metric === 'accuracy' ? valAccuracy : valLoss;
    if (isBetter(criterion.metric, value, best)) best = { value, updates: [...updates] };
  }
  return [...(best?.updates ?? updates)];
}
