import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openHeadSession } from '../../../src/engines/head-session.js';
import { headLayout } from '../../../src/models/head.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';
import { relativeError, uniform, values } from './formula.js';

interface Case {
  readonly spread: number;
  readonly losses_S: number[];
  readonly correct_S: number[];
  readonly gradients_SP: number[][];
}

const [numShards, rowsPerShard, numClasses] = [3, 4, 5];
const rows = numShards * rowsPerShard;
const names = { weightName: 'fc.weight', biasName: 'fc.bias' };

const heads: readonly { fixture: string; title: string; head: HeadDescription }[] = [
  {
    fixture: 'head-gradients',
    title: 'a linear classifier',
    head: { kind: 'linear', ...names, numFeatures: 20, numClasses },
  },
  {
    fixture: 'conv-head-gradients',
    title: "squeezenet's classifier",
    head: {
      ...{ kind: 'convPool', ...names, numFeatures: 6 * 4 * 3, numClasses },
      ...{ channels: 6, height: 4, width: 3 },
    },
  },
];

for (const { fixture, title, head } of heads) {
  const path = new URL(`../fixtures/models/${fixture}.json`, import.meta.url);
  const cases = JSON.parse(readFileSync(path, 'utf8')) as Case[];
  for (const { spread, losses_S, correct_S, gradients_SP } of cases) {
    const logits = spread === 1 ? 'ordinary logits' : 'logits of several thousand';
    test(`losses, counts and gradients of ${title} are PyTorch's, for ${logits}`, async () => {
      const engine = await openHeadSession({ head, rowsPerShard, provider: 'cpu' });
      const rowWeights_SB = values(rows, 3, 0, 2);
      rowWeights_SB.fill(0, 6, 8);
      const weight = values(headLayout(head).length - numClasses, 4, -0.5, 0.5);
      const bias = values(numClasses, 5, -0.5, 0.5);
      const result = await engine.gradients(
        {
          numShards,
          rowsPerShard,
          features_SBF: values(rows * head.numFeatures, 1, -2, 2),
          labels_SB: Int32Array.from({ length: rows }, (_, i) =>
            Math.floor(uniform(i, 2) * numClasses),
          ),
          rowWeights_SB,
        },
        Float32Array.from([...bias, ...weight].map((value) => value * spread)),
      );
      await engine.close();
      expect(relativeError(result.losses_S, losses_S)).toBeLessThan(1e-6);
      expect(relativeError(result.gradients_SP, gradients_SP.flat())).toBeLessThan(1e-5);
      expect([...result.correct_S]).toEqual(correct_S);
    });
  }
}
