import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearRule } from '../../../src/models/derivatives/linear.js';
import type { LinearLayer } from '../../../src/models/network.js';
import { checkRule, checkShardBits, checkShardSum, type Reference } from './support/check-rule.js';
import { ruleCase } from './support/rule-case.js';
import { runRule } from './support/run-rule.js';

const linear = (inFeatures: number, outFeatures: number, bias: boolean): LinearLayer => ({
  kind: 'linear',
  name: 'fc',
  inputs: ['features'],
  ...{ inFeatures, outFeatures, bias },
});

const reference: Reference<LinearLayer> = ({ layer, rows, inputs, tensors }) => {
  const { inFeatures: F, outFeatures: K } = layer;
  const weight = tensors.get('weight')!;
  const output = new Float64Array(rows * K);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < K; k++) {
      let sum = tensors.get('bias')?.[k] ?? 0;
      for (let f = 0; f < F; f++) sum += inputs[0]![row * F + f]! * weight[k * F + f]!;
      output[row * K + k] = sum;
    }
  }
  return { output };
};

const cases = fc.record({
  F: fc.integer({ min: 1, max: 70 }),
  K: fc.integer({ min: 1, max: 40 }),
  S: fc.integer({ min: 1, max: 5 }),
  B: fc.integer({ min: 1, max: 5 }),
  bias: fc.boolean(),
  isConstant: fc.boolean(),
  seed: fc.nat(1000),
});

describe('a linear layer', () => {
  test('has the gradients that finite differences say, for random shapes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ F, K, bias, isConstant, ...options }) => {
        const constants = isConstant
          ? { constants: ['weight'], trained: bias ? ['bias'] : [] }
          : {};
        const all = { ...options, ...constants };
        await checkRule(linearRule, reference, linear(F, K, bias), [[F]], all);
      }),
      { numRuns: 40 },
    );
  });

  test('gives a shard the same bits in any company, for random shapes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ F, K, bias, B, seed }) => {
        await checkShardBits(linearRule, linear(F, K, bias), [[F]], { S: 4, B, seed });
      }),
      { numRuns: 15 },
    );
  });

  // A resnet's, a vgg's classifier at the features of small images, one row.
  for (const [F, K, B] of [
    [512, 16, 4],
    [2048, 512, 2],
    [1024, 1000, 1],
    [300, 1, 8],
    [1, 30, 4],
  ] as const) {
    test(`gives a shard the same bits in any company, of ${F} x ${K} and ${B} rows`, async () => {
      await checkShardBits(linearRule, linear(F, K, true), [[F]], { S: 8, B });
    });
  }

  test('sums a large gradient over the shards by the fixed tree', async () => {
    for (const S of [2, 4, 8]) {
      await checkShardSum(linearRule, linear(512, 64, true), [[512]], 'weight', { S, B: 3 });
    }
  });

  test('leaves out what is not wanted', async () => {
    const options = { S: 2, B: 2, trained: [], wanted: [false] };
    const results = await runRule(linearRule, ruleCase(linear(3, 2, true), [[3]], options));
    expect(results.inputs).toEqual([undefined]);
    expect([...results.tensors.keys()]).toEqual([]);
  });
});
