import type { OptimizerSpec } from '../../config/phase-spec.js';
import { adamRange, adamScalars, type AdamScalars } from './adam.js';
import { sgdRange, sgdScalars, type SgdScalars } from './sgd.js';
import type { ElementRange, OptimizerTensors, UpdatePlace } from './tensors.js';

/** What an update needs to know beside tensors; plain numbers and booleans, so that it can be sent to a thread. */
export type UpdateScalars = AdamScalars | SgdScalars;

/** The scalars of one update of one group of parameters. */
export function updateScalars(optimizer: OptimizerSpec, place: UpdatePlace): UpdateScalars {
  return optimizer.type === 'sgd' ? sgdScalars(optimizer, place) : adamScalars(optimizer, place);
}

/** One update in place. Ranges may be updated in any order, by any thread, and cut anywhere: the bits are the same. */
export function updateRange(
  tensors: OptimizerTensors,
  gradients: Float32Array,
  range: ElementRange,
  scalars: UpdateScalars,
): void {
  if (scalars.type === 'sgd') sgdRange(tensors, gradients, range, scalars);
  else adamRange(tensors, gradients, range, scalars);
}

/** How many arrays of moments an optimizer keeps beside the parameters: 2 first and second, 1 the first alone, or none. */
export function numMoments(optimizer: OptimizerSpec): 0 | 1 | 2 {
  if (optimizer.type !== 'sgd') return 2;
  return optimizer.momentum === 0 ? 0 : 1;
}

/** The learning rate before any schedule, and the weight decay, of a group (its place in `groups`) or, null, of all the others. */
export function groupRates(
  optimizer: OptimizerSpec,
  group: number | null,
): Pick<UpdatePlace, 'learningRate' | 'weightDecay'> {
  const own = group === null ? undefined : optimizer.groups[group]!;
  return {
    learningRate: own?.learningRate ?? optimizer.learningRate,
    weightDecay: own?.weightDecay ?? optimizer.weightDecay,
  };
}
