import type { PhaseSpec } from '../config/phase-spec.js';
import type { Manifest, SplitName } from './manifest.js';
import { plainView } from './preprocessing.js';
import { CounterRng, permutation } from './rng.js';
import { dealShards } from './shards.js';
import { weightedDraws } from './weighted-draws.js';

/** One shard's rows of a global batch, or all of its rows of an evaluation: sample indexes, and a view for each. */
export interface Microbatch {
  readonly samples: Int32Array;
  readonly views: Int32Array;
}

/** Which samples each shard uses at each step. A pure function of its options: the same on every worker. */
export interface Plan {
  readonly numShards: number;
  /** Rows of a full microbatch: batch size / number of shards. */
  readonly rowsPerShard: number;
  /** Steps of an epoch: PyTorch's `len(DataLoader(..., drop_last=False))`, unless limited. */
  readonly numTrainSteps: number;
  /**
   * Unpadded, hence shorter or empty in an epoch's last batch. Epochs count from 0 over the whole run. `sampling`, by default `once`: which
   * samples an epoch has; their number is the same.
   */
  trainMicrobatch(epoch: number, step: number, shard: number, sampling?: Sampling): Microbatch;
  /** The samples of `shard` that an evaluation counts, each once, in plain view. */
  evaluationSamples(split: 'val' | 'test', shard: number): Int32Array;
  /** Number of samples that an epoch, or an evaluation, of this split uses. */
  splitSize(split: SplitName): number;
}

type Sampling = PhaseSpec['sampling'];

/** What a plan depends on. */
export interface PlanOptions {
  readonly manifest: Manifest;
  readonly numShards: number;
  /** A multiple of `numShards`. */
  readonly batchSize: number;
  readonly seed: number;
  /** Number of views of a sample, cycled over the epochs; null: a fresh view each epoch. */
  readonly views: number | null;
  /** At most this many steps an epoch and batches an evaluation; null: all. */
  readonly limitBatches: number | null;
  /** Every step uses the first batch of epoch 0, in plain view. Evaluations are unaffected. */
  readonly overfitBatch: boolean;
}

/** Makes the plan of a run. Throws a RangeError for options that a checked configuration cannot have. */
export function makePlan(options: PlanOptions): Plan {
  const { manifest, numShards, batchSize, seed, limitBatches, overfitBatch } = options;
  const rowsPerShard = batchSize / numShards;
  if (!Number.isInteger(rowsPerShard) || rowsPerShard < 1) {
    throw new RangeError(`A batch of ${batchSize} cannot be dealt to ${numShards} shards.`);
  }
  const trainShards = dealShards(manifest, 'train', numShards, seed);
  const numTrain = total(trainShards);
  const allSteps = Math.ceil(numTrain / batchSize);
  const numTrainSteps = Math.min(allSteps, limitBatches ?? allSteps);
  const orders = {
    once: epochOrder(trainShards, seed),
    weighted: weightedOrder(options, trainShards),
  };
  const view = viewOf(options);

  // A shard is in dealing order, class after class: a limited evaluation takes a fixed random part of it instead.
  const rowLimit = limitBatches === null ? Infinity : limitBatches * rowsPerShard;
  const evaluated = {
    val: evaluationShards(manifest, 'val', numShards, seed, rowLimit),
    test: evaluationShards(manifest, 'test', numShards, seed, rowLimit),
  };

  return {
    numShards,
    rowsPerShard,
    numTrainSteps,
    trainMicrobatch(epoch, step, shard, sampling = 'once') {
      checkPlace(shard, numShards, 'shard');
      checkPlace(step, numTrainSteps, 'step');
      const first = overfitBatch ? 0 : step * rowsPerShard;
      const order = orders[sampling](overfitBatch ? 0 : epoch, shard);
      const samples = order.samples.slice(first, first + rowsPerShard);
      const views = overfitBatch
        ? new Int32Array(samples.length).fill(plainView)
        : samples.map((sample, i) => view(sample, epoch, order.repeats?.[first + i] ?? 0));
      return { samples, views };
    },
    evaluationSamples(split, shard) {
      checkPlace(shard, numShards, 'shard');
      return evaluated[split][shard]!.slice();
    },
    splitSize(split) {
      return split === 'train'
        ? Math.min(numTrain, numTrainSteps * batchSize)
        : total(evaluated[split]);
    },
  };
}

/**
 * The view of a sample in each epoch; epochs count from 0. Finite views: each sample starts at its own offset, so that an epoch
 * mixes all view indexes, and any V consecutive epochs show each of the V views once.
 */
export function viewInEpoch(
  views: number | null,
  seed: number,
  sampleId: string,
): (epoch: number) => number {
  if (views === null) return (epoch) => epoch;
  const offset = Math.floor(new CounterRng(seed, 'view-offset', sampleId).uniform(0) * views);
  return (epoch) => (epoch + offset) % views;
}

/** More than there are epochs, and few enough for two thousand repeats in 31 bits. */
const viewsPerRepeat = 2 ** 20;
const numRepeats = 2 ** 11;

/**
 * {@link viewInEpoch} of all samples, by index; each offset is drawn once. A sample that an epoch has more than once is seen in the next
 * view each time, and of fresh views in one that no epoch has otherwise.
 */
function viewOf(options: PlanOptions): (sample: number, epoch: number, repeat: number) => number {
  const { manifest, seed, views } = options;
  if (views === null) {
    return (_, epoch, repeat) => epoch + (repeat % numRepeats) * viewsPerRepeat;
  }
  const offsets = Int32Array.from(manifest.samples, ({ id }) => viewInEpoch(views, seed, id)(0));
  return (sample, epoch, repeat) => (epoch + offsets[sample]! + repeat) % views;
}

/** One shard's samples of one epoch; of each, how often the epoch has had it before (undefined: never). */
interface EpochOrder {
  readonly samples: Int32Array;
  readonly repeats?: Int32Array;
}

/** Each epoch's order of each shard: a permutation of it. */
function epochOrder(
  shards: readonly Int32Array[],
  seed: number,
): (epoch: number, shard: number) => EpochOrder {
  return keepingTwo(shards.length, (epoch, shard) => {
    const dealt = shards[shard]!;
    return {
      samples: permutation(dealt.length, seed, 'epoch', epoch, shard).map((i) => dealt[i]!),
    };
  });
}

/** The same of `sampling: weighted`. The weights are found when they are first needed. */
function weightedOrder(
  { manifest, seed }: PlanOptions,
  shards: readonly Int32Array[],
): (epoch: number, shard: number) => EpochOrder {
  let draws: ReturnType<typeof weightedDraws> | undefined;
  return keepingTwo(shards.length, (epoch, shard) => {
    const labelOf = (sample: number): number => manifest.samples[sample]!.label;
    draws ??= weightedDraws(shards, labelOf, manifest.classNames.length, seed);
    return draws(epoch, shard);
  });
}

/**
 * Keeps the last two epochs asked for of each shard (a prefetcher is in one, the step loop in the other); any could be made anew at any
 * time.
 */
function keepingTwo(
  numShards: number,
  make: (epoch: number, shard: number) => EpochOrder,
): (epoch: number, shard: number) => EpochOrder {
  const kept = Array.from({ length: numShards }, (): { epoch: number; order: EpochOrder }[] => []);
  return (epoch, shard) => {
    const orders = kept[shard]!;
    const known = orders.find((entry) => entry.epoch === epoch);
    if (known !== undefined) return known.order;
    const order = make(epoch, shard);
    orders.unshift({ epoch, order });
    orders.length = Math.min(orders.length, 2);
    return order;
  };
}

function evaluationShards(
  manifest: Manifest,
  split: SplitName,
  numShards: number,
  seed: number,
  rowLimit: number,
): Int32Array[] {
  return dealShards(manifest, split, numShards, seed).map((dealt, shard) =>
    permutation(dealt.length, seed, 'evaluate', split, shard)
      .slice(0, rowLimit)
      .map((i) => dealt[i]!),
  );
}

function total(shards: readonly Int32Array[]): number {
  return shards.reduce((sum, shard) => sum + shard.length, 0);
}

function checkPlace(place: number, count: number, name: string): void {
  if (!Number.isInteger(place) || place < 0 || place >= count) {
    throw new RangeError(`The plan has no ${name} ${place}: it has ${count}.`);
  }
}
