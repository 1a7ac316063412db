import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchNormRule } from '../../../src/models/derivatives/batch-norm.js';
import type { BatchNormLayer } from '../../../src/models/network.js';
import { checkRule, checkShardBits, type Reference } from './support/check-rule.js';
import { ruleCase } from './support/rule-case.js';
import { runRule } from './support/run-rule.js';

const batchNorm = (channels: number): BatchNormLayer => ({
  kind: 'batchNorm',
  name: 'bn',
  inputs: ['conv'],
  ...{ channels, epsilon: 1e-2, momentum: 0.1 },
});

/** PyTorch's nn.BatchNorm2d, by its definition; a row of padding gets what the others' statistics make of it. */
const reference: Reference<BatchNormLayer> = (values) => {
  const { layer, rows, inputs, tensors, outputShape, rowMask, batchNorm: mode } = values;
  const { channels: C, epsilon } = layer;
  const P = outputShape[1]! * outputShape[2]!;
  const x = inputs[0]!;
  const usesShard = mode === 'shard' && values.isTraining;
  const output = new Float64Array(x.length);
  const [means, unbiased] = [new Float64Array(C), new Float64Array(C)];
  for (let c = 0; c < C; c++) {
    const places = Array.from({ length: rows * P }, (_, i) => {
      const row = Math.floor(i / P);
      return { row, at: (row * C + c) * P + (i % P) };
    });
    const counted = places.filter(({ row }) => rowMask[row] === 1);
    const n = Math.max(counted.length, 1);
    const own = counted.reduce((sum, { at }) => sum + x[at]!, 0) / n;
    const squares = counted.reduce((sum, { at }) => sum + (x[at]! - own) ** 2, 0);
    means[c] = own;
    unbiased[c] = squares / Math.max(n - 1, 1);
    const mean = usesShard ? own : tensors.get('running_mean')![c]!;
    const variance = usesShard ? squares / n : tensors.get('running_var')![c]!;
    for (const { at } of places) {
      const normal = (x[at]! - mean) / Math.sqrt(variance + epsilon);
      output[at] = normal * tensors.get('weight')![c]! + tensors.get('bias')![c]!;
    }
  }
  return usesShard ? { output, mean: means, variance: unbiased } : { output };
};

const cases = fc.record({
  C: fc.integer({ min: 1, max: 9 }),
  size: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 })),
  S: fc.integer({ min: 1, max: 4 }),
  B: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(1000),
  trained: fc.subarray(['weight', 'bias']),
});

/** Rows that count, at random; shards without any are among them. */
const masked = cases.chain((sizes) =>
  fc
    .array(fc.constantFrom(0, 1, 1), { minLength: sizes.S * sizes.B, maxLength: sizes.S * sizes.B })
    .map((rowMask) => ({ ...sizes, rowMask })),
);

/** A shard's variance of few values may be near zero: there the curvature is too much for a finite difference. */
const spread = (u: number): number => 3 * u;

describe('batch norm by its running statistics', () => {
  test('has the gradients that finite differences say, for random shapes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, fc.boolean(), async ({ C, size, ...options }, areConstants) => {
        const constants = areConstants ? ['running_mean', 'running_var'] : [];
        const all = { ...options, constants };
        await checkRule(batchNormRule, reference, batchNorm(C), [[C, ...size]], all);
      }),
      { numRuns: 40 },
    );
  });

  test('has the gradient of its input when all its tensors are constants', async () => {
    const constants = ['weight', 'bias', 'running_mean', 'running_var'];
    const options = { S: 3, B: 2, trained: [], constants };
    await checkRule(batchNormRule, reference, batchNorm(5), [[5, 4, 3]], options);
  });

  test('keeps to them in a pass that does not train', async () => {
    const options = { S: 2, B: 3, batchNorm: 'shard', isTraining: false } as const;
    await checkRule(batchNormRule, reference, batchNorm(4), [[4, 3, 3]], options);
  });

  test('gives a shard the same bits in any company, for random shapes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ C, size, ...options }) => {
        await checkShardBits(batchNormRule, batchNorm(C), [[C, ...size]], { ...options, S: 4 });
      }),
      { numRuns: 15 },
    );
  });
});

describe('batch norm by the statistics of the shard', () => {
  test('has the gradients that finite differences say, for random shapes and rows of padding', async () => {
    await fc.assert(
      fc.asyncProperty(masked, async ({ C, size, ...options }) => {
        const all = { ...options, batchNorm: 'shard', inputValue: spread } as const;
        const tolerance = 1e-4;
        const step = 1e-5;
        await checkRule(batchNormRule, reference, batchNorm(C), [[C, ...size]], {
          ...all,
          ...{ tolerance, step },
        });
      }),
      { numRuns: 60 },
    );
  });

  test('gives a shard the same bits in any company, for random shapes and rows of padding', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ C, size, ...options }) => {
        const all = { ...options, S: 4, batchNorm: 'shard' } as const;
        const rowMask = Array.from({ length: 4 * options.B }, (_, i) => (i % 3 === 1 ? 0 : 1));
        await checkShardBits(batchNormRule, batchNorm(C), [[C, ...size]], { ...all, rowMask });
      }),
      { numRuns: 20 },
    );
  });

  // A resnet's.
  for (const [C, side] of [
    [64, 56],
    [512, 7],
    [2048, 1],
  ] as const) {
    test(`gives a shard the same bits in any company, of ${C} channels of ${side} x ${side}`, async () => {
      const options = { S: 4, B: 2, batchNorm: 'shard' } as const;
      await checkShardBits(batchNormRule, batchNorm(C), [[C, side, side]], options);
    });
  }

  test('has zeros, and no values that are not finite, for a shard without rows', async () => {
    const options = { S: 2, B: 2, batchNorm: 'shard', rowMask: [1, 1, 0, 0] } as const;
    const wanted = ruleCase(batchNorm(3), [[3, 2, 2]], options);
    const { output, inputs, tensors } = await runRule(batchNormRule, wanted);
    for (const values of [output, inputs[0]!, ...tensors.values()]) {
      expect([...values].every(Number.isFinite)).toBe(true);
    }
    const zeros = new Array<number>(3).fill(0);
    for (const name of ['weight', 'bias', 'batch_mean', 'batch_var']) {
      expect([...tensors.get(name)!.slice(3)].map(Math.abs)).toEqual(zeros);
    }
    expect([...inputs[0]!.slice(24)].map(Math.abs)).toEqual(new Array<number>(24).fill(0));
  });

  test('leaves out what is not wanted', async () => {
    const options = { S: 2, B: 2, batchNorm: 'shard', trained: [], wanted: [false] } as const;
    const results = await runRule(batchNormRule, ruleCase(batchNorm(3), [[3, 2, 2]], options));
    expect(results.inputs).toEqual([undefined]);
    expect([...results.tensors.keys()]).toEqual(['batch_mean', 'batch_var']);
  });
});
