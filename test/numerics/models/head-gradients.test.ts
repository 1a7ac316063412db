import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openHeadEngine } from '../../../src/engines/head-engine.js';
import { headLayout } from '../../../src/models/head.js';
import type { HeadDescription } from '../../../src/models/prepared-model.js';
import { selectShards } from '../../contract/engines/phase-batches.js';
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
      const layout = headLayout(head);
      const engine = await openHeadEngine({ head, layout, rowsPerShard, provider: 'cpu' });
      const rowWeights_SB = values(rows, 3, 0, 2);
      rowWeights_SB.fill(0, 6, 8);
      const labels_SB = new Int32Array(rows).fill(-1);
      const targets_SBK = new Float32Array(rows * numClasses);
      for (const [row, weight] of rowWeights_SB.entries()) {
        if (weight === 0) continue;
        const label = Math.floor(uniform(row, 2) * numClasses);
        labels_SB[row] = label;
        targets_SBK[row * numClasses + label] = weight;
      }
      const weight = values(layout.length - numClasses, 4, -0.5, 0.5);
      const bias = values(numClasses, 5, -0.5, 0.5);
      const batch = {
        numShards,
        rowsPerShard,
        features_SBF: values(rows * head.numFeatures, 1, -2, 2),
        targets_SBK,
        labels_SB,
        weights_S: new Float32Array(numShards),
        counts_S: new Float32Array(numShards),
        ...{ mix: null, dropout: null },
      };
      const vectors: Float32Array[] = [];
      for (const shard of [0, 1, 2]) {
        const [sum] = await engine.gradients(
          [selectShards(batch, [shard])],
          { firstShard: shard, numShards: 1, numShardsOfRun: numShards },
          {
            parameters: Float32Array.from([...bias, ...weight].map((value) => value * spread)),
            statistics: new Float32Array(0),
          },
        );
        vectors.push(sum!.values);
      }
      await engine.close();
      const losses = Float32Array.from(vectors, (vector) => vector.at(-4)!);
      const gradients = Float32Array.from(vectors.flatMap((vector) => [...vector.slice(0, -4)]));
      expect(relativeError(losses, losses_S)).toBeLessThan(1e-6);
      expect(relativeError(gradients, gradients_SP.flat())).toBeLessThan(1e-5);
      expect(vectors.map((vector) => vector.at(-2))).toEqual(correct_S);
    });
  }
}
