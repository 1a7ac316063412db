import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AdamSpec, OptimizerSpec, SgdSpec } from '../../../src/config/phase-spec.js';
import { findPython } from '../../support/python.js';
import { torchvisionProblem } from './cases.js';
import { GradientJudge, type JudgedOptimizer } from './judge.js';
import { OurGraph } from './our-graph.js';
import { makeRows, resolve, titleOf, type Problem } from './problem.js';
import { trainWithOurs } from './training.js';

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

const rows = { rowsPerShard: 3, counts: [3, 2] };
const resnet18 = (train: string, batchNorm: Problem['batchNorm']) =>
  torchvisionProblem('resnet18', train, 64, { ...rows, batchNorm });
const withoutBatchNorm = torchvisionProblem('squeezenet1_0', 'all', 64, rows);

const trainings: readonly { problem: Problem; optimizer: OptimizerSpec }[] = [
  { problem: resnet18('all', 'shard'), optimizer: adam },
  { problem: resnet18('layer4', 'shard'), optimizer: slowSgd },
  { problem: torchvisionProblem('mobilenet_v2', 'all', 64, rows), optimizer: adam },
  { problem: withoutBatchNorm, optimizer: sgd },
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
    const rows = makeRows(problem, resolved, numSteps);
    const tensors = await judge.make(problem, rows);
    const features = await judge.features(problem, resolved, rows);
    const expected = await judge.train(problem, resolved, rows, judged(theirs), numSteps);
    const graph = await OurGraph.open(problem, resolved, tensors, 'gradient');
    try {
      const training = { problem, resolved, tensors, features, rows };
      const losses = await trainWithOurs(graph, training, ours, numSteps);
      return losses.map((loss, i) => Math.abs(loss / expected[i]! - 1));
    } finally {
      await graph.close();
    }
  }

  for (const { problem, optimizer } of trainings) {
    test(`${titleOf(problem)}, by ${optimizer.type}`, { timeout: 120_000 }, async () => {
      const distances = await compared(problem, optimizer, optimizer);
      expect(Math.max(...distances)).toBeLessThan(tolerance);
    });
  }

  test('but not where the momentum has the wrong sign', { timeout: 120_000 }, async () => {
    const wrong = { ...sgd, momentum: -sgd.momentum };
    const distances = await compared(withoutBatchNorm, sgd, wrong);
    expect(distances[0]!).toBeLessThan(tolerance);
    expect(Math.max(...distances)).toBeGreaterThan(2 * tolerance);
  });
});
