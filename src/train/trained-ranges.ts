import type { OptimizerSpec } from '../config/run-spec.js';
import type { ParameterLayout } from '../models/parameter-layout.js';
import type { ElementRange } from './optimizers/tensors.js';

/** A part of a phase's gradient, and of the state, that is updated with one learning rate and one weight decay. */
export interface TrainedRange extends ElementRange {
  /** Place in the optimizer's groups; null: the optimizer's own rates. */
  readonly group: number | null;
}

/**
 * Where a phase's gradient, which has the trained tensors alone, one after the other in the state's order, lies in the state. Neighbours of
 * one group are one range. `matches`: whether a group's pattern means a parameter; the first group that does has it.
 */
export function trainedRanges(
  layout: ParameterLayout,
  trained: ReadonlySet<string>,
  groups: OptimizerSpec['groups'],
  matches: (pattern: string, parameter: string) => boolean,
): TrainedRange[] {
  const ranges: TrainedRange[] = [];
  let gradientOffset = 0;
  for (const { name, offset, length } of layout.entries) {
    if (!trained.has(name)) continue;
    const found = groups.findIndex(({ match }) => match.some((pattern) => matches(pattern, name)));
    const group = found < 0 ? null : found;
    const last = ranges.at(-1);
    if (last?.group === group && last.parameterOffset + last.length === offset) {
      ranges[ranges.length - 1] = { ...last, length: last.length + length };
    } else {
      ranges.push({ gradientOffset, parameterOffset: offset, length, group });
    }
    gradientOffset += length;
  }
  return ranges;
}
