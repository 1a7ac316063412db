import type { PhaseSpec, RunSpec } from '../../../src/config/run-spec.js';
import { finishTree } from '../../../src/collective/tree.js';
import type { Manifest, SplitName } from '../../../src/data/manifest.js';
import { makePlan, type Plan } from '../../../src/data/plan.js';
import type { TrainingTensors } from '../../../src/engines/phase-engine.js';
import { initialHead } from '../../../src/models/head.js';
import { headPhases } from '../../../src/models/prepare-phases.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';
import { makeTrainer } from '../../../src/train/make-trainer.js';
import type { PhasedModel } from '../../../src/train/run-phase.js';
import type { RoundOutcome, ShardRange, Trainer } from '../../../src/train/trainer.js';
import { FormulaFeatures } from './formula-features.js';
import { ReferenceEngine } from './reference-engine.js';
import { noAugment } from '../data/data-spec.js';

/** A run without images: what the tests of the trainer vary. */
export interface SmallRunOptions {
  readonly numTrain?: number;
  readonly numVal?: number;
  readonly numTest?: number;
  readonly batchSize?: number;
  readonly numShards?: number;
  readonly views?: number | null;
  readonly phases?: readonly PhaseSpec[];
  readonly metric?: 'accuracy' | 'loss';
  readonly everyEpochs?: number;
  readonly limitBatches?: number | null;
  readonly overfitBatch?: boolean;
  readonly seed?: number;
}

export const smallHead: HeadDescription = {
  kind: 'linear',
  weightName: 'fc.weight',
  biasName: 'fc.bias',
  numFeatures: 6,
  numClasses: 3,
};

export function smallPhase(overrides: Partial<PhaseSpec> = {}): PhaseSpec {
  return {
    train: ['head'],
    except: [],
    epochs: 3,
    from: 'last',
    optimizer: {
      type: 'adam',
      learningRate: 0.05,
      weightDecay: 0,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      groups: [],
    },
    schedule: { type: 'step', stepSize: 2, gamma: 0.1, warmup: null },
    clip: { norm: null, value: null },
    labelSmoothing: 0,
    classWeights: 'none',
    sampling: 'once',
    mixup: 0,
    accumulate: 1,
    earlyStopping: null,
    batchNorm: 'frozen',
    ...overrides,
  };
}

export interface SmallRun {
  readonly spec: RunSpec;
  readonly manifest: Manifest;
  readonly plan: Plan;
  readonly head: HeadDescription;
  readonly model: PhasedModel;
  readonly initial: TrainingTensors;
}

/** A model whose phases train the classifier alone, and the classifier that the seed gives. */
export function smallModel(
  head: HeadDescription,
  { phases, seed }: Pick<RunSpec, 'phases' | 'seed'>,
): Pick<SmallRun, 'model' | 'initial'> {
  const backboneSha256 = '0'.repeat(64);
  const { numClasses } = head;
  const model = { ...headPhases({ head, backboneSha256 }, phases.length), numClasses };
  return {
    model,
    initial: { parameters: initialHead(head, seed), statistics: new Float32Array(0) },
  };
}

export function smallRun(options: SmallRunOptions = {}): SmallRun {
  const { numTrain = 37, numVal = 13, numTest = 0, batchSize = 16, numShards = 8 } = options;
  const manifest = smallManifest({ train: numTrain, val: numVal, test: numTest });
  const seed = options.seed ?? 5;
  const training = {
    limitBatches: options.limitBatches ?? null,
    overfitBatch: options.overfitBatch ?? false,
  };
  const views = options.views === undefined ? 2 : options.views;
  const spec: RunSpec = {
    name: 'small',
    seed,
    toleranceMs: 10_000,
    data: {
      source: '/data',
      integrity: null,
      sha256: null,
      within: null,
      rules: null,
      classNames: null,
      split: { train: 0.8, val: 0.2, test: 0, groupBy: null },
      onBadFile: 'fail',
      imageSize: 32,
      views,
      valTransform: { resize: null },
      background: [255, 255, 255],
      augment: noAugment,
      normalise: null,
    },
    model: { architecture: 'resnet18', width: 1, weights: 'random', integrity: null },
    phases: options.phases ?? [smallPhase()],
    batch: { size: batchSize, shards: numShards },
    workers: { count: 1 },
    best: { metric: options.metric ?? 'accuracy' },
    engine: { provider: 'cpu', threads: 1 },
    cache: { path: '/cache', features: null, images: true },
    checkpoint: { everyEpochs: options.everyEpochs ?? 1 },
    metrics: { enabled: false, host: '127.0.0.1', port: 0 },
    security: { host: '127.0.0.1', port: 0 },
    training,
  };
  const plan = makePlan({ manifest, numShards, batchSize, seed, views, ...training });
  return { ...smallModel(smallHead, spec), spec, manifest, plan, head: smallHead };
}

export function smallManifest(sizes: Readonly<Record<SplitName, number>>): Manifest {
  const splits = (['train', 'val', 'test'] as const).flatMap((split) =>
    Array.from({ length: sizes[split] }, (): SplitName => split),
  );
  const samples = splits.map((split, index) => {
    const id = `image-${String(index).padStart(5, '0')}.png`;
    return { id, path: id, label: (index * 7) % 3, split, sha256: '0'.repeat(64) };
  });
  const classIds = ['a', 'b', 'c'];
  return { classIds, classNames: classIds, samples, skipped: [], hash: '0'.repeat(64) };
}

/** One worker of a small run, with its fakes at hand. */
export interface SmallTrainer {
  readonly trainer: Trainer;
  readonly features: FormulaFeatures;
  readonly engine: ReferenceEngine;
}

export function smallTrainer(run: SmallRun): SmallTrainer {
  const labels = run.manifest.samples.map((sample) => sample.label);
  const features = new FormulaFeatures(run.head.numFeatures, labels);
  const engine = new ReferenceEngine(run.head);
  const open = () => Promise.resolve({ engine, features });
  return { trainer: makeTrainer({ ...run, open }), features, engine };
}

/** Every shard, as one worker owns them. */
export function allShards(run: SmallRun): ShardRange {
  return { firstShard: 0, numShards: run.plan.numShards };
}

/** Contiguous ranges that cover all shards, from the points where one worker's end and the next one's begin. */
export function rangesFrom(cuts: readonly number[], numShards: number): ShardRange[] {
  const points = [0, ...[...cuts].sort((a, b) => a - b), numShards];
  return points.slice(1).map((end, i) => ({
    firstShard: points[i]!,
    numShards: end - points[i]!,
  }));
}

export const notAborted = new AbortController().signal;

/** One round on every trainer, summed by the tree that workers use. All have to decide the same. */
export async function runRound(
  trainers: readonly Trainer[],
  ranges: readonly ShardRange[],
  numShards: number,
): Promise<RoundOutcome> {
  const plan = trainers[0]!.next();
  const partials = new Map<number, Float32Array>();
  for (const [i, trainer] of trainers.entries()) {
    for (const { node, values } of await trainer.compute(plan, ranges[i]!, notAborted)) {
      partials.set(node, values);
    }
  }
  const reduced = finishTree(numShards, partials);
  const outcomes = await Promise.all(
    trainers.map((trainer) => trainer.apply(plan, reduced.slice())),
  );
  for (const outcome of outcomes) {
    if (JSON.stringify(outcome) !== JSON.stringify(outcomes[0])) {
      throw new Error(`Workers disagree on round ${plan.round}.`);
    }
  }
  return outcomes[0]!;
}

/** Rounds of one worker with all shards, until the end or until `atRound` was applied. */
export async function trainAlone(
  run: SmallRun,
  trainer: Trainer,
  atRound = Infinity,
): Promise<RoundOutcome[]> {
  const outcomes: RoundOutcome[] = [];
  while (!trainer.finished && trainer.round < atRound) {
    outcomes.push(await runRound([trainer], [allShards(run)], run.plan.numShards));
  }
  return outcomes;
}
