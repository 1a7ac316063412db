import { headTensors, initialHead } from './head.js';
import { parameterLayout } from './parameter-layout.js';
import type { MovedStatistics, PreparedModel } from './prepared-model.js';
import { floatsOf, type StoredTensor, type TensorSet } from './weights/tensor-set.js';

/**
 * The tensors of a run: what its training state begins with, what of the network is in the state and what is not, and all of it after
 * the training. `weights` are those that the run was prepared with (run-weights.ts): the network's tensors in state-dict order,
 * without the classifier where it is a new one; of a backbone of the user's own none.
 */

/** Where a batch norm's running statistics lie in the state's: its mean [C] at `offset`, its variance [C] behind it. In elements. */
export interface StatisticsEntry extends MovedStatistics {
  readonly offset: number;
}

/** The statistics of a state: those of each batch norm, in the order that is given. */
export function statisticsLayout(moved: readonly MovedStatistics[]): StatisticsEntry[] {
  let offset = 0;
  return moved.map((entry) => {
    const own = { ...entry, offset };
    offset += 2 * entry.channels;
    return own;
  });
}

function statisticsLength(moved: readonly MovedStatistics[]): number {
  return moved.reduce((sum, { channels }) => sum + 2 * channels, 0);
}

/** The flat vectors of a training state. */
export interface StateVectors {
  /** In the order of {@link parameterLayout}. */
  readonly parameters: Float32Array;
  /** In the order of {@link statisticsLayout}. */
  readonly statistics: Float32Array;
}

type StateOf = Pick<PreparedModel, 'parameters' | 'statistics'>;

/** Whether the state begins with something of the weights: a new classifier behind a frozen network does not. */
export function beginsWithWeights({
  classifier,
  phases,
}: Pick<PreparedModel, 'classifier' | 'phases'>): boolean {
  return classifier === 'kept' || phases.some(({ engine }) => engine === 'network');
}

/**
 * The parameters that training begins with: those of the weights, and for a new classifier those that head.ts draws.
 */
export function initialParameters(
  { parameters, head, classifier }: Pick<PreparedModel, 'parameters' | 'head' | 'classifier'>,
  weights: TensorSet,
  seed: number,
): Float32Array {
  const drawn: TensorSet =
    classifier === 'new' ? headTensors(head, initialHead(head, seed)) : new Map();
  const layout = parameterLayout(parameters);
  const values = new Float32Array(layout.length);
  for (const { name, offset } of layout.entries) {
    values.set(floatsOf(drawn.has(name) ? drawn : weights, name), offset);
  }
  return values;
}

/** The running statistics that training begins with. */
export function initialStatistics(
  { statistics }: Pick<PreparedModel, 'statistics'>,
  weights: TensorSet,
): Float32Array {
  const values = new Float32Array(statisticsLength(statistics));
  for (const { layer, offset, channels } of statisticsLayout(statistics)) {
    values.set(floatsOf(weights, `${layer}.running_mean`), offset);
    values.set(floatsOf(weights, `${layer}.running_var`), offset + channels);
  }
  return values;
}

/** A state's vectors as tensors with their names in the state dict (views, not copies). */
export function stateTensors(
  { parameters, statistics }: StateOf,
  state: StateVectors,
): Map<string, StoredTensor> {
  const layout = parameterLayout(parameters);
  const numStatistics = statisticsLength(statistics);
  const lengths = [state.parameters.length, state.statistics.length];
  if (lengths.join() !== [layout.length, numStatistics].join()) {
    throw new Error(
      `a state of ${layout.length} and ${numStatistics} values has ${lengths.join(' and ')}`,
    );
  }
  const tensors = new Map<string, StoredTensor>();
  for (const { name, shape, offset, length } of layout.entries) {
    tensors.set(name, { shape, data: state.parameters.subarray(offset, offset + length) });
  }
  for (const { layer, channels, offset } of statisticsLayout(statistics)) {
    const at = (start: number): StoredTensor => ({
      shape: [channels],
      data: state.statistics.subarray(start, start + channels),
    });
    tensors.set(`${layer}.running_mean`, at(offset));
    tensors.set(`${layer}.running_var`, at(offset + channels));
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
  return withCounters(prepared.phases, tensors, updates);
}

/** The tensors with the counters of the batch norms that phases move `updates` higher. */
export function withCounters(
  phases: readonly Pick<PreparedModel['phases'][number], 'statistics'>[],
  tensors: TensorSet,
  updates: readonly number[],
): TensorSet {
  const counted = new Map(tensors);
  for (const [phase, { statistics }] of phases.entries()) {
    for (const layer of statistics) {
      const name = `${layer}.num_batches_tracked`;
      const before = counted.get(name)?.data;
      if (!(before instanceof BigInt64Array)) throw new Error(`no counter ${name}`);
      const after = before[0]! + BigInt(updates[phase] ?? 0);
      counted.set(name, { shape: [], data: BigInt64Array.of(after) });
    }
  }
  return counted;
}
