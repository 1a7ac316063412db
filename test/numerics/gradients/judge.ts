import { fileURLToPath } from 'node:url';
import { decodeSafetensors } from '../../../src/models/weights/safetensors.js';
import type { TensorSet } from '../../../src/models/weights/tensor-set.js';
import { JudgeProcess } from '../../support/judge-process.js';
import { clearPadding, auxiliaryWeight, numClasses, readsImages } from './problem.js';
import type { Problem, Resolved, Rows } from './problem.js';

/** By name and shard: how far PyTorch's float32 is from its float64, and the largest magnitude. */
export type OwnErrors = Readonly<
  Record<string, Readonly<Record<string, readonly [number, number]>>>
>;

/** By name and shard: the largest distance of ours from PyTorch's float64. */
export type Distances = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** PyTorch's CrossEntropyLoss of labels (and mixup's mean of two), instead of targets. */
export interface Criterion {
  readonly labelSmoothing: number;
  readonly classWeights: readonly number[] | null;
  /** [S, B], as partners and lambdas are. */
  readonly labels: readonly (readonly number[])[];
  /** Rows of the same shard. */
  readonly partners: readonly (readonly number[])[];
  /** The parts of the row's own loss; the others are the partner's. */
  readonly lambdas: readonly (readonly number[])[];
}

/** What {@link GradientJudge.gradients} says. */
interface Judgement {
  readonly own: OwnErrors;
  /** Of each shard, summed over its rows. */
  readonly losses: readonly number[];
  /** PyTorch's mean of the criterion over all rows, mixup left aside; null without a criterion. */
  readonly mean: number | null;
}

export interface JudgedOptimizer {
  readonly type: 'adam' | 'sgd';
  /** PyTorch's keyword arguments. */
  readonly options: Readonly<Record<string, number>>;
}

/** PyTorch in one process of judge.py, which keeps one network. */
export class GradientJudge {
  readonly #process: JudgeProcess;
  #made: { readonly key: string; readonly tensors: TensorSet } | undefined;

  constructor(python: string) {
    this.#process = new JudgeProcess(python, fileURLToPath(new URL('judge.py', import.meta.url)));
  }

  /**
   * Builds a problem's network with seeded weights, and batch norms that know the images; gives the state dict. The same network of
   * the same images is not built again.
   */
  async make(
    { architecture, network, seed, imageSize }: Problem,
    { images }: Rows,
  ): Promise<TensorSet> {
    const which = architecture === null ? { network } : { architecture };
    const request = { ...which, seed, imageSize, numClasses };
    const key = JSON.stringify([request, images.length]);
    if (key === this.#made?.key) return this.#made.tensors;
    this.#made = undefined;
    this.#process.give('images.f32', images);
    await this.#process.ask('make', request);
    const bytes = this.#process.take('weights.safetensors');
    const { tensors } = decodeSafetensors(bytes, 'the judge');
    this.#made = { key, tensors };
    return tensors;
  }

  /** The features [steps, S, B, F] of rows: what PyTorch's float32 network gives at the boundaries; zeros for padding. */
  async features(problem: Problem, resolved: Resolved, { images }: Rows): Promise<Float32Array> {
    const { boundaries, numFeatures, given } = resolved;
    if (readsImages(resolved)) {
      this.#process.give('given.f32', images);
      return images;
    }
    this.#process.give('images.f32', images);
    const ask = (file: string, layers: readonly string[]) =>
      this.#process.ask('features', { imageSize: problem.imageSize, layers, file });
    await ask('features.f32', boundaries);
    await ask(
      'given.f32',
      given.map(({ layer }) => layer),
    );
    return clearPadding(problem, this.#process.floats('features.f32'), numFeatures);
  }

  /** The features are those of the last {@link features}. */
  #request(problem: Problem, resolved: Resolved, rows: Rows) {
    this.#process.give('targets.f32', rows.targets);
    for (const [layer, mask] of rows.masks) this.#process.give(`dropout.${layer}.f32`, mask);
    const { counts, rowsPerShard } = problem;
    const { trained, statistics, given, frozenModules, numAuxiliary, dropout } = resolved;
    return {
      ...{ trained, statistics, given, frozenModules, numAuxiliary },
      ...{ counts, rowsPerShard, numShards: counts.length, numClasses, auxiliaryWeight },
      dropout: Object.fromEntries(dropout.map(({ layer, shape }) => [layer, shape])),
    };
  }

  /** Computes loss, gradients and statistics of every shard, in float64 (which the judge keeps) and float32. */
  async gradients(
    problem: Problem,
    resolved: Resolved,
    rows: Rows,
    criterion?: Criterion,
  ): Promise<Judgement> {
    const request = this.#request(problem, resolved, rows);
    const answer = await this.#process.ask('gradients', { ...request, criterion });
    return answer as Judgement;
  }

  /** Compares outputs of ours, each [S, length], with the last {@link gradients}. Shards without rows must be 0. */
  async compare(
    numShards: number,
    outputs: Readonly<Record<string, Float32Array>>,
  ): Promise<Distances> {
    const names = Object.keys(outputs);
    this.#process.giveParts('ours.f32', Object.values(outputs));
    const answer = await this.#process.ask('compare', { numShards, names });
    return (answer as { distances: Distances }).distances;
  }

  /** Loss and correct rows of every shard in evaluation mode, in float64. */
  async evaluate(problem: Problem, resolved: Resolved, rows: Rows) {
    const { rowsPerShard, counts } = problem;
    const labels = counts.map((_, shard) => [
      ...rows.labels.subarray(shard * rowsPerShard, (shard + 1) * rowsPerShard),
    ]);
    const request = this.#request(problem, resolved, rows);
    const answer = await this.#process.ask('evaluate', { ...request, labels });
    return answer as { losses: number[]; correct: number[] };
  }

  /** The mean loss of each of some steps of training, in float64. */
  async train(
    problem: Problem,
    resolved: Resolved,
    rows: Rows,
    optimizer: JudgedOptimizer,
    numSteps: number,
  ): Promise<number[]> {
    const request = this.#request(problem, resolved, rows);
    const answer = await this.#process.ask('train', { ...request, optimizer, numSteps });
    return (answer as { losses: number[] }).losses;
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}
