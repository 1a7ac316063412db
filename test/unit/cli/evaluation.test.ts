import { expect, it } from 'vitest';
import { evaluationLines, type Evaluation } from '../../../src/cli/inference-from-cli.js';

const result: Evaluation = {
  ...{ split: 'all', splits: null, samples: 20, loss: 0.25, accuracy: 0.9 },
  ...{ perClass: [], skipped: [] },
};
const scores = 'accuracy 0.900, loss 0.2500 on 20 images';

it('an evaluation says which splits were scored, where there are any', () => {
  expect(evaluationLines(result)).toEqual([scores]);
  const splits = { train: 120, val: 12, test: 20 };
  expect(evaluationLines({ ...result, split: 'test', splits })).toEqual([
    `${scores} of test`,
    '  scored: test (20); not scored: train (120), val (12)',
  ]);
  expect(evaluationLines({ ...result, splits })).toEqual([
    scores,
    '  scored: train (120), val (12), test (20)',
  ]);
});
