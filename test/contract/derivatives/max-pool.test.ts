import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { maxPoolRule } from '../../../src/models/derivatives/max-pool.js';
import type { MaxPoolLayer } from '../../../src/models/network.js';
import { checkRule, checkShardBits, type Reference } from './support/check-rule.js';
import { anyPool, placesOf, type PoolCase } from './support/pool-cases.js';
import { ruleCase } from './support/rule-case.js';
import { runRule } from './support/run-rule.js';

const maxPool = (window: PoolCase['window']): MaxPoolLayer => ({
  kind: 'maxPool',
  name: 'pool',
  inputs: ['relu'],
  ...window,
});

const square = (kernel: number, stride: number, pad = 0, ceilMode = false): MaxPoolLayer =>
  maxPool({
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: { top: pad, left: pad, bottom: pad, right: pad },
    dilation: [1, 1],
    ceilMode,
  });

/** For each element of the output, of `images` planes, which element of the input is taken: the first largest in scan order. */
function taken(
  layer: MaxPoolLayer,
  size: readonly [number, number],
  images: number,
  x: ArrayLike<number>,
): number[] {
  const [H, W] = size;
  const [vertical, horizontal] = placesOf(size, { window: layer });
  return Array.from({ length: images }, (_, image) =>
    vertical!.flatMap((rows) =>
      horizontal!.map((columns) => {
        const places = rows.flatMap((y) => columns.map((z) => (image * H + y) * W + z));
        return places.reduce((best, at) => (x[at]! > x[best]! ? at : best));
      }),
    ),
  ).flat();
}

const reference: Reference<MaxPoolLayer> = ({ layer, rows, inputs, inputShapes }) => {
  const [C, H, W] = inputShapes[0] as readonly [number, number, number];
  const x = inputs[0]!;
  return { output: Float64Array.from(taken(layer, [H, W], rows * C, x), (at) => x[at]!) };
};

describe('max pooling', () => {
  test('has the gradients that finite differences say, for random windows', async () => {
    await fc.assert(
      fc.asyncProperty(anyPool, async ({ window, inputShape, ...options }) => {
        const all = { ...options, step: 1e-7, tolerance: 1e-4 };
        await checkRule(maxPoolRule, reference, maxPool(window), [inputShape], all);
      }),
      { numRuns: 80 },
    );
  });

  test('gives the gradient to the first of equal elements, for random windows', async () => {
    await fc.assert(
      fc.asyncProperty(anyPool, async ({ window, inputShape, ...options }) => {
        const layer = maxPool(window);
        const inputValue = (u: number): number => Math.floor(u * 3);
        const wanted = ruleCase(layer, [inputShape], { ...options, inputValue });
        const [C, H, W] = inputShape as readonly [number, number, number];
        const images = options.S * options.B * C;
        const expected = new Float64Array(wanted.inputs[0]!.length);
        taken(layer, [H, W], images, wanted.inputs[0]!).forEach((at, i) => {
          expected[at]! += wanted.dOutput[i]!;
        });
        const { inputs } = await runRule(maxPoolRule, wanted);
        const differences = Array.from(expected, (value, i) => Math.abs(inputs[0]![i]! - value));
        expect(Math.max(...differences)).toBeLessThan(1e-6);
      }),
      { numRuns: 80 },
    );
  });

  // A resnet's stem, a vgg's, squeezenet's with its ceiling, googlenet's in a branch.
  for (const [layer, size] of [
    [square(3, 2, 1), 112],
    [square(2, 2), 28],
    [square(3, 2, 0, true), 54],
    [square(3, 1, 1), 14],
  ] as const) {
    const { kernel, stride } = layer;
    test(`${kernel.join('x')} of stride ${stride[0]} on ${size} pixels has its gradient, and a shard the same bits in any company`, async () => {
      const options = { S: 2, B: 1, step: 1e-7, tolerance: 1e-4, numProbes: 12 };
      await checkRule(maxPoolRule, reference, layer, [[2, size, size]], options);
      await checkShardBits(maxPoolRule, layer, [[4, size, size]], { S: 4, B: 2 });
    });
  }

  test('gives a shard the same bits in any company, for random windows', async () => {
    await fc.assert(
      fc.asyncProperty(anyPool, async ({ window, inputShape, ...options }) => {
        const all = { ...options, S: 4 };
        await checkShardBits(maxPoolRule, maxPool(window), [inputShape], all);
      }),
      { numRuns: 15 },
    );
  });

  test('leaves out what is not wanted', async () => {
    const wanted = ruleCase(square(2, 2), [[2, 4, 4]], { S: 2, B: 1, wanted: [false] });
    expect((await runRule(maxPoolRule, wanted)).inputs).toEqual([undefined]);
  });
});
