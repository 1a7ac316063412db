import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPython } from '../../support/python.js';
import { problems } from './cases.js';
import { GradientJudge } from './judge.js';
import { OurGraph, type Fault } from './our-graph.js';
import { makeRows, resolve, type Problem, type Rows } from './problem.js';
import { isUsable, judge as judgeTensors } from './verdict.js';

const python = findPython(['torch', 'torchvision', 'safetensors']);

/** Where rounding takes a value across a kink, another draw of weights and images is judged. */
const maxDraws = 6;
/** Ours may cross one where PyTorch does not; a mistake shows in each draw. */
const maxFailedDraws = 2;

describe.skipIf(python.path === undefined)('gradients agree with PyTorch in float64', () => {
  let judge: GradientJudge;
  beforeAll(() => {
    judge = new GradientJudge(python.path!);
  });
  afterAll(() => judge.close());

  async function compared(problem: Problem, fault?: Fault, change = (rows: Rows) => rows) {
    const resolved = resolve(problem);
    const rows = makeRows(problem, resolved);
    const tensors = await judge.make(problem, rows);
    const features = await judge.features(problem, resolved, rows);
    const { own, losses } = await judge.gradients(problem, resolved, rows);
    if (!isUsable(own)) return null;
    const graph = await OurGraph.open(problem, resolved, tensors, 'gradient', fault);
    try {
      const { correct, ...outputs } = await graph.run(tensors, {
        ...{ features, rows: change(rows), step: 0 },
      });
      expect(Object.keys(outputs).sort()).toEqual(Object.keys(own).sort());
      const ours = await judge.compare(problem.counts.length, outputs);
      return { ...judgeTensors(own, ours), losses, correct };
    } finally {
      await graph.close();
    }
  }

  for (const problem of problems) {
    test(titleOf(problem), { timeout: 120_000 }, async () => {
      let failed = 0;
      for (let seed = 0; seed < maxDraws; seed++) {
        const result = await compared({ ...problem, seed });
        if (result === null) continue;
        if (result.failures.length > 0 && failed++ < maxFailedDraws) continue;
        expect(result.failures.slice(0, 5)).toEqual([]);
        return;
      }
      throw new Error(`PyTorch's float32 is far from its float64 in all of ${maxDraws} draws`);
    });
  }
});

function titleOf({ architecture, split, batchNorm, counts }: Problem): string {
  const except = split.except.length === 0 ? '' : ` except ${split.except.join(', ')}`;
  const name = architecture ?? 'a network of odd strides, dilations and groups';
  return `${name}: ${split.train.join(', ')}${except}, batch norm ${batchNorm}, shards of ${counts.join(', ')} rows`;
}
