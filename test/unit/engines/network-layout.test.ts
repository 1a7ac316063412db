import { describe, expect, test } from 'vitest';
import { shardsPerRun } from '../../../src/engines/network/shards-per-run.js';
import { stepLayout } from '../../../src/engines/network/step-layout.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';

describe('the shards of one run', () => {
  test('are the largest power of two up to 8 that the budget allows, at least one', () => {
    const bytes = { gradients: 90, activations: 10 };
    expect(shardsPerRun(bytes, 1e9)).toBe(8);
    expect(shardsPerRun(bytes, 800)).toBe(8);
    expect(shardsPerRun(bytes, 799)).toBe(4);
    expect(shardsPerRun(bytes, 399)).toBe(2);
    expect(shardsPerRun(bytes, 199)).toBe(1);
    expect(shardsPerRun(bytes, 1)).toBe(1);
  });
});

describe('a step vector', () => {
  const state = parameterLayout([
    { name: 'fc.weight', shape: [2, 3] },
    { name: 'fc.bias', shape: [2] },
    { name: 'conv.weight', shape: [4] },
    { name: 'bn.bias', shape: [5] },
  ]);

  test("has the gradients of what is trained in the state's order, then the sums", () => {
    const layout = stepLayout(state, new Set(['fc.weight', 'bn.bias', 'fc.bias']), []);
    expect(layout.gradients).toEqual([
      { name: 'bn.bias', offset: 0, length: 5 },
      { name: 'fc.bias', offset: 5, length: 2 },
      { name: 'fc.weight', offset: 7, length: 6 },
    ]);
    expect(layout).toMatchObject({ numGradients: 13, sumsOffset: 0, tailLength: 4, length: 17 });
  });

  test('has the statistics between them, and whether there are any', () => {
    const statistics = [
      { layer: 'a', channels: 3 },
      { layer: 'b', channels: 2 },
    ];
    const layout = stepLayout(state, new Set(['fc.bias']), statistics);
    // Mean and variance of 3 channels and of 2, and one value more, before the four sums.
    expect(layout.statistics).toEqual([
      { layer: 'a', channels: 3, offset: 0 },
      { layer: 'b', channels: 2, offset: 6 },
    ]);
    expect(layout).toMatchObject({ sumsOffset: 11, tailLength: 15, length: 17 });
  });
});
