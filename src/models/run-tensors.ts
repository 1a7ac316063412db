import { headLayout, initialHead } from './head.js';
import { parameterLayout } from './parameter-layout.js';
import type { MovedStatistics, PreparedModel } from './prepared-model.js';
import { floatsOf, type StoredTensor, type TensorSet } from './weights/tensor-set.js';

/**
 * The tensors of a run: what its training state begins with, what of the network is in the state and what is not, and all of it after
 * the training. `weights` are those that the run was prepared with (run-weights.ts): the network's tensors in state-dict order,
 * without the classifier where it is a new one; of a backbone of the user's own none.
 */

/** Where a batch norm's running statistics lie in the state's flat vector: the mean [C], then the variance [C]. In elements. */
export interface StatisticsEntry extends MovedStatistics {
  readonly meanOffset: number;
  readonly varianceOffset: number;
}

/** The one order of a run's running statistics: by layer, sorted by name. */
export function statisticsLayout(statistics: readonly MovedStatistics[]): {
  readonly entries: readonly StatisticsEntry[];
  readonly length: number;
} {
  let offset = 0;
  const entries = statistics.map((moved) => {
    const meanOffset = offset;
    offset += 2 * moved.channels;
    return { ...moved, meanOffset, varianceOffset: meanOffset + moved.channels };
  });
  return { entries, length: offset };
}

/** The flat vectors of a training state. */
export interface StateVectors {
  /** In the order of {@link parameterLayout}. */
  readonly parameters: Float32Array;
  /** In the order of {@link statisticsLayout}. */
  readonly statistics: Float32Array;
}

type StateOf = Pick<PreparedModel, 'parameters' | 'statistics'>;

/**
 * The parameters that training begins with: those of the weights, and for a new classifier those that head.ts draws.
 */
export function initialParameters(
  { parameters, head }: Pick<PreparedModel, 'parameters' | 'head'>,
  weights: TensorSet,
  seed: number,
): Float32Array {
  const drawn = new Map(
    headLayout(head).entries.map(({ name, offset, length }) => [name, [offset, length] as const]),
  );
  const ofHead = initialHead(head, seed);
  const layout = parameterLayout(parameters);
  const values = new Float32Array(layout.length);
  for (const { name, offset } of layout.entries) {
    const [start, length] = drawn.get(name) ?? [0, 0];
    const isNew = !weights.has(name) && length > 0;
    values.set(isNew ? ofHead.subarray(start, start + length) : floatsOf(weights, name), offset);
  }
  return values;
}

/** The running statistics that training begins with. */
export function initialStatistics(
  { statistics }: Pick<PreparedModel, 'statistics'>,
  weights: TensorSet,
): Float32Array {
  const { entries, length } = statisticsLayout(statistics);
  const values = new Float32Array(length);
  for (const { layer, meanOffset, varianceOffset } of entries) {
    values.set(floatsOf(weights, `${layer}.running_mean`), meanOffset);
    values.set(floatsOf(weights, `${layer}.running_var`), varianceOffset);
  }
  return values;
}

/** A state's vectors as tensors with their names in the state dict (views, not copies). */
export function stateTensors(
  { parameters, statistics }: StateOf,
  state: StateVectors,
): Map<string, StoredTensor> {
  const layout = parameterLayout(parameters);
  const moved = statisticsLayout(statistics);
  const lengths = [state.parameters.length, state.statistics.length];
  if (lengths.join() !== [layout.length, moved.length].join()) {
    throw new Error(
      `a state of ${layout.length} and ${moved.length} values has ${lengths.join(' and ')}`,
    );
  }
  const tensors = new Map<string, StoredTensor>();
  for (const { name, shape, offset, length } of layout.entries) {
    tensors.set(name, { shape, data: state.parameters.subarray(offset, offset + length) });
  }
  for (const { layer, channels, meanOffset, varianceOffset } of moved.entries) {
    const at = (offset: number) => ({
      shape: [channels],
      data: state.statistics.subarray(offset, offset + channels),
    });
    tensors.set(`${layer}.running_mean`, at(meanOffset));
    tensors.set(`${layer}.running_var`, at(varianceOffset));
  }
  return tensors;
}

/** What of the network no phase moves: the constants of its graphs. */
export function frozenTensors({ parameters, statistics }: StateOf, weights: TensorSet): TensorSet {
  const moved = new Set([
    ...parameters.map(({ name }) => name),
    ...statistics.flatMap(({ layer }) => [`${layer}.running_mean`, `${layer}.running_var`]),
  ]);
  return new Map([...weights].filter(([name]) => !moved.has(name)));
}

/**
 * The whole network's tensors after the training. `updates`: how often each phase has moved its running statistics, by which their
 * counters (PyTorch's `num_batches_tracked`) grow.
 */
export function exportedTensors(
  prepared: Pick<PreparedModel, 'parameters' | 'statistics' | 'phases'>,
  weights: TensorSet,
  state: StateVectors,
  updates: readonly number[],
): TensorSet {
  const tensors = new Map([...weights, ...stateTensors(prepared, state)]);
  for (const [phase, { statistics }] of prepared.phases.entries()) {
    for (const layer of statistics) {
      const name = `${layer}.num_batches_tracked`;
      const before = tensors.get(name)?.data;
      if (!(before instanceof BigInt64Array)) throw new Error(`no counter ${name}`);
      const after = before[0]! + BigInt(updates[phase] ?? 0);
      tensors.set(name, { shape: [], data: BigInt64Array.of(after) });
    }
  }
  return tensors;
}
