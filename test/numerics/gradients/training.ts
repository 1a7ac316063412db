import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OptimizerSpec } from '../../../src/config/phase-spec.js';
import { fillDropoutMask } from '../../../src/data/dropout-mask.js';
import type { FeatureSource } from '../../../src/features/feature-source.js';
import { prepareModel } from '../../../src/models/prepare-model.js';
import { initialParameters, initialStatistics } from '../../../src/models/run-tensors.js';
import { numElements } from '../../../src/models/tensor-specs.js';
import { encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import type { TensorSet } from '../../../src/models/weights/tensor-set.js';
import { networkTrainer } from '../../support/train/network-trainer.js';
import { smallPhase, smallRun, trainAlone, type SmallRun } from '../../support/train/small-run.js';
import { makeRows, numClasses, type Problem, type Resolved, type Rows } from './problem.js';

/** A run of one epoch, and the rows of its steps in the places where its plan has them. */
export interface Course {
  readonly problem: Problem;
  readonly resolved: Resolved;
  readonly run: SmallRun;
  readonly rows: Rows;
  /** Where each sample is among the rows. */
  readonly rowOfSample: ReadonlyMap<number, number>;
  readonly numSteps: number;
}

/** A run of full batches; labels and masks of dropout are the run's own. */
export function makeCourse(
  problem: Problem,
  resolved: Resolved,
  optimizer: OptimizerSpec,
  numSteps: number,
): Course {
  const { rowsPerShard, counts, split, batchNorm } = problem;
  const numShards = counts.length;
  const batchSize = numShards * rowsPerShard;
  const schedule = { type: 'constant' as const, warmup: null };
  const run = smallRun({
    ...{ numTrain: numSteps * batchSize, numVal: 1, batchSize, numShards },
    phases: [smallPhase({ ...split, epochs: 1, optimizer, schedule, batchNorm })],
  });
  const samples = Array.from({ length: numSteps * numShards }, (_, i) => {
    const step = Math.floor(i / numShards);
    return [...run.plan.trainMicrobatch(0, step, i % numShards).samples];
  }).flat();
  const labels = Int32Array.from(samples, (sample) => run.manifest.samples[sample]!.label);
  const masks = resolved.dropout.map(({ layer, shape, keep }) => {
    const length = numElements(shape);
    const all = new Float32Array(samples.length * length);
    for (const [row, sample] of samples.entries()) {
      const { id } = run.manifest.samples[sample]!;
      const step = Math.floor(row / batchSize);
      fillDropoutMask(all.subarray(row * length, (row + 1) * length), 1 - keep, {
        ...{ seed: run.spec.seed, step, sample: id, repeat: 0, layer },
      });
    }
    return [layer, all] as const;
  });
  const { images } = makeRows(problem, { ...resolved, dropout: [] }, numSteps);
  const targets = new Float32Array(samples.length * numClasses);
  for (const [row, label] of labels.entries()) targets[row * numClasses + label] = 1;
  return {
    ...{ problem, resolved, run, numSteps },
    rows: { images, labels, targets, masks: new Map(masks) },
    rowOfSample: new Map(samples.map((sample, row) => [sample, row])),
  };
}

/** The mean loss of each step of the product's trainer: from prepared weights, by its engine, with its updates. */
export async function trainWithOurs(
  { problem, resolved, run, rowOfSample, numSteps }: Course,
  tensors: TensorSet,
  features: Float32Array,
): Promise<number[]> {
  const cacheDir = await mkdtemp(join(tmpdir(), 'ftctl-training-'));
  try {
    const weights = join(cacheDir, 'judge.safetensors');
    await writeFile(weights, encodeSafetensors(tensors));
    const prepared = await prepareModel(
      { architecture: problem.architecture as 'resnet18', width: 1, weights, integrity: null },
      {
        ...{ numClasses, imageSize: problem.imageSize, background: [0, 0, 0] },
        normalise: { mean: [0, 0, 0], std: [1, 1, 1] },
        ...{ seed: 1, cacheDir, phases: run.spec.phases },
      },
    );
    const { boundaries, trained, statistics } = prepared.phases[0]!;
    if (boundaries.join() !== resolved.boundaries.join()) throw new Error('other features');
    if (trained.join() !== [...resolved.trained].sort().join()) throw new Error('other parameters');
    if (statistics.join() !== [...resolved.statistics].sort().join()) throw new Error('statistics');
    const { trainer, close } = networkTrainer({
      ...{ run, prepared, cacheDir },
      initial: {
        // The judge's classifier too, in the place of a new one.
        parameters: initialParameters({ ...prepared, classifier: 'kept' }, tensors, 1),
        statistics: initialStatistics(prepared, tensors),
      },
      features: () => rowsOf(features, resolved.numFeatures, rowOfSample),
    });
    const outcomes = await trainAlone(run, trainer, numSteps);
    await close();
    return outcomes.map(({ loss }) => loss);
  } finally {
    await rm(cacheDir, { recursive: true, force: true });
  }
}

/** Features that were computed before. */
function rowsOf(
  features: Float32Array,
  width: number,
  rowOfSample: ReadonlyMap<number, number>,
): FeatureSource {
  const none = { imagesDecoded: 0, imagesCached: 0, rowsCached: 0, rowsComputed: 0 };
  return {
    width,
    features: ({ samples }) => {
      const rows = new Float32Array(samples.length * width);
      for (const [i, sample] of samples.entries()) {
        const row = rowOfSample.get(sample);
        // The validation's sample is asked for ahead.
        if (row !== undefined)
          rows.set(features.subarray(row * width, (row + 1) * width), i * width);
      }
      return Promise.resolve(rows);
    },
    recycle: () => undefined,
    counters: () => ({ ...none, decodeSeconds: 0, augmentSeconds: 0, backboneSeconds: 0 }),
    close: () => Promise.resolve(),
  };
}
