import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openHeadSession } from '../../../src/engines/head-session.js';
import { relativeError, uniform, values } from './formula.js';

const cases = JSON.parse(
  readFileSync(new URL('../fixtures/models/head-gradients.json', import.meta.url), 'utf8'),
) as {
  spread: number;
  losses_S: number[];
  correct_S: number[];
  gradients_SP: number[][];
}[];

const [numShards, rowsPerShard, numFeatures, numClasses] = [3, 4, 20, 5];
const rows = numShards * rowsPerShard;

for (const { spread, losses_S, correct_S, gradients_SP } of cases) {
  const logits = spread === 1 ? 'ordinary logits' : 'logits of several thousand';
  test(`losses, counts and gradients are PyTorch's, for ${logits}`, async () => {
    const head = {
      kind: 'linear' as const,
      weightName: 'fc.weight',
      biasName: 'fc.bias',
      numFeatures,
      numClasses,
    };
    const engine = await openHeadSession({ head, rowsPerShard, provider: 'cpu' });
    const rowWeights_SB = values(rows, 3, 0, 2);
    rowWeights_SB.fill(0, 6, 8);
    const weight = values(numClasses * numFeatures, 4, -0.5, 0.5);
    const bias = values(numClasses, 5, -0.5, 0.5);
    const result = await engine.gradients(
      {
        numShards,
        rowsPerShard,
        features_SBF: values(rows * numFeatures, 1, -2, 2),
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
