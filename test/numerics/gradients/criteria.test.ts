import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { targetsOf, type TargetRules } from '../../../src/train/targets.js';
import { findPython } from '../../support/python.js';
import { values } from '../models/formula.js';
import { oddProblem } from './cases.js';
import { GradientJudge, type Criterion } from './judge.js';
import { judgedOutputs, OurGraph } from './our-graph.js';
import { makeRows, numClasses, resolve } from './problem.js';
import { judge as judgeTensors } from './verdict.js';

const python = findPython(['torch', 'torchvision', 'safetensors']);
const problem = oddProblem();
const resolved = resolve(problem);
const { rowsPerShard, counts } = problem;

const classWeights = Float32Array.from({ length: numClasses }, (_, k) => 0.25 + 0.3 * k);

/** Each row with the next one of its shard; a lambda of its own. */
function mixOf(): NonNullable<TargetRules['mix']> {
  const numRows = counts.length * rowsPerShard;
  const lambdas_SB = values(numRows, 77, 0, 1);
  const partners_SB = Int32Array.from({ length: numRows }, (_, row) => {
    const count = counts[Math.floor(row / rowsPerShard)]!;
    const place = row % rowsPerShard;
    return place < count ? (place + 1) % count : place;
  });
  return { partners_SB, lambdas_SB };
}

const rules: readonly (readonly [string, TargetRules])[] = [
  ['labels alone', { classWeights_K: null, labelSmoothing: 0, mix: null }],
  ['label smoothing', { classWeights_K: null, labelSmoothing: 0.1, mix: null }],
  ['class weights', { classWeights_K: classWeights, labelSmoothing: 0, mix: null }],
  ['both', { classWeights_K: classWeights, labelSmoothing: 0.3, mix: null }],
  ['both and mixup', { classWeights_K: classWeights, labelSmoothing: 0.3, mix: mixOf() }],
];

function byShard(rows: ArrayLike<number>): number[][] {
  return counts.map((_, shard) =>
    Array.from({ length: rowsPerShard }, (_, row) => rows[shard * rowsPerShard + row]!),
  );
}

/** What PyTorch's CrossEntropyLoss is given, where ours has targets. */
function criterionOf({ classWeights_K, labelSmoothing, mix }: TargetRules, labels: Int32Array) {
  return {
    labelSmoothing,
    classWeights: classWeights_K === null ? null : [...classWeights_K],
    labels: byShard(labels),
    partners: byShard(mix?.partners_SB ?? new Int32Array(labels.length)),
    lambdas: byShard(mix?.lambdas_SB ?? new Float32Array(labels.length).fill(1)),
  } satisfies Criterion;
}

describe.skipIf(python.path === undefined)("the loss is PyTorch's CrossEntropyLoss", () => {
  let judge: GradientJudge;
  beforeAll(() => {
    judge = new GradientJudge(python.path!);
  });
  afterAll(() => judge.close());

  test.each(rules)('of %s: each shard, its gradients, and the mean', async (_, rule) => {
    const rows = makeRows(problem, resolved);
    const tensors = await judge.make(problem, rows);
    const features = await judge.features(problem, resolved, rows);
    const criterion = criterionOf(rule, rows.labels);
    const { own, losses, mean } = await judge.gradients(problem, resolved, rows, criterion);
    const { targets_SBK, weights_S } = targetsOf(
      { rowsPerShard, numClasses, labels_SB: rows.labels },
      rule,
    );
    const graph = await OurGraph.open(problem, resolved, tensors, 'gradient');
    try {
      const step = { features, rows: { ...rows, targets: targets_SBK }, step: 0 };
      const outputs = judgedOutputs(await graph.run(tensors, step));
      const distances = await judge.compare(counts.length, outputs);
      expect(judgeTensors(own, distances).failures).toEqual([]);
    } finally {
      await graph.close();
    }
    const sum = (all: ArrayLike<number>) => Array.from(all).reduce((a, b) => a + b, 0);
    // The mean of mixed rows is not PyTorch's to define.
    if (rule.mix === null) expect(sum(losses) / sum(weights_S) / mean!).toBeCloseTo(1, 6);
  });
});
