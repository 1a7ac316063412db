import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdamSpec, OptimizerSpec, SgdSpec } from '../../../src/config/phase-spec.js';
import { findPython } from '../../support/python.js';
import { torchvisionProblem } from './cases.js';
import { GradientJudge, type JudgedOptimizer } from './judge.js';
import { resolve, titleOf, type Problem } from './problem.js';
import { makeCourse, trainWithOurs } from './training.js';

const python = findPython(['torch', 'torchvision', 'safetensors']);

const numSteps = 10;
/** Of the loss of each step, relative to PyTorch's in float64. */
const tolerance = 1e-3;

const base = { weightDecay: 0, groups: [] };
const adam: AdamSpec = {
  ...{ type: 'adam', learningRate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
  ...base,
};
const sgd: SgdSpec = {
  ...{ type: 'sgd', learningRate: 1e-3, momentum: 0.9, dampening: 0, nesterov: false },
  ...base,
};

/** The features of the judge's networks with batch norm are all positive, and large: a faster one diverges. */
const slowSgd: SgdSpec = { ...sgd, learningRate: 1e-4 };

function judged(optimizer: OptimizerSpec): JudgedOptimizer {
  const { type, learningRate: lr } = optimizer;
  if (type === 'sgd') return { type, options: { lr, momentum: optimizer.momentum } };
  return { type: 'adam', options: { lr } };
}

/** In each step, of two shards. */
const rows = { rowsPerShard: 3, counts: [3, 3] };
const problemOf = (architecture: string, train: string, batchNorm: Problem['batchNorm']) =>
  torchvisionProblem(architecture, train, 64, { ...rows, batchNorm });
const withoutBatchNorm = problemOf('squeezenet1_0', 'all', 'frozen');

/** Everything but the largest layers: their gradients are judged elsewhere, and take most of the time. */
const alexnet = torchvisionProblem('alexnet', 'all', 64, {
  ...rows,
  split: { train: ['all'], except: ['classifier.1', 'classifier.4'] },
});
const vgg = torchvisionProblem('vgg11_bn', 'all', 32, {
  ...{ ...rows, batchNorm: 'shard' },
  split: { train: ['all'], except: ['classifier.0', 'classifier.3'] },
});

/** With the auxiliary loss. Of large images a few are enough. */
const inception = torchvisionProblem('inception_v3', 'AuxLogits', 299, {
  ...{ rowsPerShard: 1, counts: [1, 1], seed: 4 },
  split: { train: ['AuxLogits', 'Mixed_7c'], except: [] },
});

const trainings: readonly { problem: Problem; optimizer: OptimizerSpec }[] = [
  { problem: problemOf('resnet18', 'all', 'shard'), optimizer: adam },
  { problem: problemOf('resnet18', 'layer4', 'shard'), optimizer: slowSgd },
  { problem: problemOf('resnet50', 'layer4', 'frozen'), optimizer: adam },
  { problem: alexnet, optimizer: sgd },
  { problem: vgg, optimizer: slowSgd },
  { problem: withoutBatchNorm, optimizer: sgd },
  { problem: problemOf('densenet121', 'features.denseblock4', 'shard'), optimizer: adam },
  { problem: inception, optimizer: adam },
  { problem: problemOf('mobilenet_v2', 'all', 'frozen'), optimizer: adam },
];

describe.skipIf(python.path === undefined)('ten steps of training follow PyTorch', () => {
  let judge: GradientJudge;
  beforeAll(() => {
    judge = new GradientJudge(python.path!);
  });
  afterAll(() => judge.close());

  /** Relative distances of the losses. */
  async function compared(problem: Problem, theirs: OptimizerSpec, ours: OptimizerSpec) {
    const resolved = resolve(problem);
    const course = makeCourse(problem, resolved, ours, numSteps);
    const tensors = await judge.make(problem, course.rows);
    const features = await judge.features(problem, resolved, course.rows);
    const expected = await judge.train(problem, resolved, course.rows, judged(theirs), numSteps);
    const losses = await trainWithOurs(course, tensors, features);
    expect(losses).toHaveLength(numSteps);
    return losses.map((loss, i) => Math.abs(loss / expected[i]! - 1));
  }

  for (const { problem, optimizer } of trainings) {
    test(`${titleOf(problem)}, by ${optimizer.type}`, { timeout: 400_000 }, async () => {
      const distances = await compared(problem, optimizer, optimizer);
      expect(Math.max(...distances)).toBeLessThan(tolerance);
    });
  }

  test('but not where the momentum has the wrong sign', { timeout: 400_000 }, async () => {
    const wrong = { ...sgd, momentum: -sgd.momentum };
    const distances = await compared(withoutBatchNorm, sgd, wrong);
    expect(distances[0]!).toBeLessThan(tolerance);
    expect(Math.max(...distances)).toBeGreaterThan(2 * tolerance);
  });
});
