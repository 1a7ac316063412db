import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findPython } from '../../support/python.js';
import { relativeError } from '../models/formula.js';
import { inceptionProblem, oddProblem, problems, torchvisionProblem } from './cases.js';
import { faults } from './faults.js';
import { GradientJudge } from './judge.js';
import { judgedOutputs, OurGraph, type Fault } from './our-graph.js';
import { makeRows, resolve, titleOf, type Problem, type Rows } from './problem.js';
import { isUsable, judge as judgeTensors } from './verdict.js';

const python = findPython(['torch', 'torchvision', 'safetensors']);

/** Where rounding takes a value across a kink, another draw of weights and images is judged. */
const maxDraws = 6;
/** Ours may cross one where PyTorch does not; a mistake shows in each draw. */
const maxFailedDraws = 2;

/** Auxiliary classifiers and dropout are left out, trained batch norms use running statistics. */
const evaluated = [
  inceptionProblem('Mixed_6e'),
  oddProblem({ batchNorm: 'shard' }),
  torchvisionProblem('mobilenet_v2', 'all', 64, { batchNorm: 'shard' }),
];

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
    const { own } = await judge.gradients(problem, resolved, rows);
    if (!isUsable(own)) return null;
    const graph = await OurGraph.open(problem, resolved, tensors, 'gradient', fault);
    try {
      const step = { features, rows: change(rows), step: 0 };
      const outputs = judgedOutputs(await graph.run(tensors, step));
      expect(Object.keys(outputs).sort()).toEqual(Object.keys(own).sort());
      const ours = await judge.compare(problem.counts.length, outputs);
      return judgeTensors(own, ours);
    } finally {
      await graph.close();
    }
  }

  for (const problem of problems) {
    test(titleOf(problem), { timeout: 120_000 }, async () => {
      let failed = 0;
      for (let draw = 0; draw < maxDraws; draw++) {
        const result = await compared({ ...problem, seed: problem.seed + draw });
        if (result === null) continue;
        if (result.failures.length > 0 && failed++ < maxFailedDraws) continue;
        expect(result.failures.slice(0, 5)).toEqual([]);
        return;
      }
      throw new Error(`PyTorch's float32 is far from its float64 in all of ${maxDraws} draws`);
    });
  }

  for (const { mistake, problem, graph, rows } of faults) {
    test(`but not where ${mistake}`, { timeout: 120_000 }, async () => {
      const result = await compared(problem, graph, rows);
      expect(result?.failures.length).toBeGreaterThan(0);
      expect(result!.worst).toBeGreaterThan(2e-4);
    });
  }

  for (const problem of evaluated) {
    test(`in evaluation, losses and right answers do: ${titleOf(problem)}`, async () => {
      const resolved = resolve(problem);
      const rows = makeRows(problem, resolved);
      const tensors = await judge.make(problem, rows);
      const features = await judge.features(problem, resolved, rows);
      const expected = await judge.evaluate(problem, resolved, rows);
      const graph = await OurGraph.open(problem, resolved, tensors, 'evaluation');
      try {
        const { losses, correct, ...others } = await graph.run(tensors, {
          features,
          rows,
          step: 0,
        });
        expect(Object.keys(others)).toEqual([]);
        expect([...correct!]).toEqual(expected.correct);
        expect(relativeError(losses!, expected.losses)).toBeLessThan(1e-5);
      } finally {
        await graph.close();
      }
    });
  }
});
