import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { adaptiveAvgPoolRule } from '../../../src/models/derivatives/adaptive-avg-pool.js';
import { avgPoolRule } from '../../../src/models/derivatives/avg-pool.js';
import type { AdaptiveAvgPoolLayer, AvgPoolLayer, Pair } from '../../../src/models/network.js';
import { checkRule, checkShardBits, type Reference } from './support/check-rule.js';
import { anyPool, placesOf, type PoolCase } from './support/pool-cases.js';
import { ruleCase } from './support/rule-case.js';
import { runRule } from './support/run-rule.js';

/** The mean of the places of each pair of windows, of `images` planes of `size`. */
function means(
  x: Float64Array,
  size: Pair,
  [vertical, horizontal]: number[][][],
  divisor: (numPlaces: number) => number,
): Float64Array {
  const [H, W] = size;
  const planes = Array.from({ length: x.length / (H * W) }, (_, image) =>
    vertical!.flatMap((rows) =>
      horizontal!.map((columns) => {
        let sum = 0;
        for (const y of rows) for (const z of columns) sum += x[(image * H + y) * W + z]!;
        return sum / divisor(rows.length * columns.length);
      }),
    ),
  );
  return Float64Array.from(planes.flat());
}

describe('average pooling', () => {
  const avgPool = (window: PoolCase['window'], countIncludePad: boolean): AvgPoolLayer => ({
    kind: 'avgPool',
    name: 'pool',
    inputs: ['relu'],
    ...{ kernel: window.kernel, stride: window.stride, padding: window.padding, countIncludePad },
  });
  /** It has neither dilation nor ceiling. */
  const plain = anyPool.filter(
    ({ window: { dilation, ceilMode } }) => dilation.join() === '1,1' && !ceilMode,
  );

  const reference: Reference<AvgPoolLayer> = ({ layer, inputs, inputShapes }) => {
    const size = inputShapes[0]!.slice(1) as unknown as Pair;
    const places = placesOf(size, { window: { ...layer, dilation: [1, 1], ceilMode: false } });
    const all = layer.kernel[0] * layer.kernel[1];
    const divisor = (inside: number): number => (layer.countIncludePad ? all : inside);
    return { output: means(inputs[0]!, size, places, divisor) };
  };

  test('has the gradients that finite differences say, and a shard the same bits in any company, for random windows', async () => {
    await fc.assert(
      fc.asyncProperty(plain, fc.boolean(), async (pool, countIncludePad) => {
        const { window, inputShape, ...options } = pool;
        const layer = avgPool(window, countIncludePad);
        await checkRule(avgPoolRule, reference, layer, [inputShape], options);
        await checkShardBits(avgPoolRule, layer, [inputShape], { ...options, S: 3 });
      }),
      { numRuns: 80 },
    );
  });

  // A densenet's transition, inception's branches.
  for (const [kernel, stride, pad, size] of [
    [2, 2, 0, 14],
    [3, 1, 1, 17],
    [5, 3, 0, 17],
  ] as const) {
    test(`${kernel}x${kernel} of stride ${stride} on ${size} pixels has its gradient`, async () => {
      const sides = { top: pad, left: pad, bottom: pad, right: pad };
      const window = {
        kernel: [kernel, kernel],
        stride: [stride, stride],
        padding: sides,
      } as const;
      const layer = avgPool({ ...window, dilation: [1, 1], ceilMode: false }, true);
      await checkRule(avgPoolRule, reference, layer, [[3, size, size]], { S: 2, B: 2 });
      await checkShardBits(avgPoolRule, layer, [[16, size, size]], { S: 4, B: 2 });
    });
  }
});

describe('adaptive average pooling', () => {
  const adaptive = (outputSize: Pair): AdaptiveAvgPoolLayer => ({
    kind: 'adaptiveAvgPool',
    name: 'pool',
    inputs: ['relu'],
    outputSize,
  });

  const reference: Reference<AdaptiveAvgPoolLayer> = ({ layer, inputs, inputShapes }) => {
    const size = inputShapes[0]!.slice(1) as unknown as Pair;
    const places = layer.outputSize.map((n, axis) =>
      Array.from({ length: n }, (_, i) => {
        const start = Math.floor((i * size[axis]!) / n);
        const end = Math.ceil(((i + 1) * size[axis]!) / n);
        return Array.from({ length: end - start }, (__, k) => start + k);
      }),
    );
    return { output: means(inputs[0]!, size, places, (numPlaces) => numPlaces) };
  };

  const side = fc.integer({ min: 1, max: 9 });
  const outputs = fc.oneof(fc.constant<Pair>([1, 1]), fc.tuple(side, side));
  const cases = fc.record({
    size: fc.tuple(side, side),
    outputSize: outputs,
    channels: fc.integer({ min: 1, max: 3 }),
    S: fc.integer({ min: 1, max: 3 }),
    B: fc.integer({ min: 1, max: 3 }),
    seed: fc.nat(1000),
  });

  test('has the gradients that finite differences say, and a shard the same bits in any company, for random sizes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ size, outputSize, channels, ...options }) => {
        const layer = adaptive(outputSize);
        const shapes = [[channels, ...size]];
        await checkRule(adaptiveAvgPoolRule, reference, layer, shapes, options);
        await checkShardBits(adaptiveAvgPoolRule, layer, shapes, { ...options, S: 3 });
      }),
      { numRuns: 80 },
    );
  });

  // A resnet's; a vgg's and an alexnet's at other image sizes than theirs.
  for (const [size, output, channels] of [
    [7, 1, 512],
    [14, 7, 64],
    [4, 7, 64],
    [10, 6, 32],
  ] as const) {
    test(`${size} x ${size} to ${output} x ${output} has its gradient`, async () => {
      const layer = adaptive([output, output]);
      const shapes = [[channels, size, size]];
      await checkRule(adaptiveAvgPoolRule, reference, layer, shapes, { S: 2, B: 1 });
      await checkShardBits(adaptiveAvgPoolRule, layer, shapes, { S: 4, B: 1 });
    });
  }

  test('leaves out what is not wanted', async () => {
    for (const layer of [adaptive([1, 1]), adaptive([2, 2]), adaptive([3, 3])]) {
      const wanted = ruleCase(layer, [[2, 4, 4]], { S: 2, B: 1, wanted: [false] });
      expect((await runRule(adaptiveAvgPoolRule, wanted)).inputs).toEqual([undefined]);
    }
  });
});
