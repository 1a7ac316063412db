import fc from 'fast-check';
import { describe, test } from 'vitest';
import { adaptiveAvgPoolRule } from '../../../src/models/derivatives/adaptive-avg-pool.js';
import { avgPoolRule } from '../../../src/models/derivatives/avg-pool.js';
import type { Layer, Padding, Pair } from '../../../src/models/network.js';
import { resolveWindow, type Shape } from '../../../src/models/shapes.js';
import { checkRule, checkShardBits, type Reference } from './support/check-rule.js';

type AvgPool = Extract<Layer, { kind: 'avgPool' }>;
type AdaptiveAvgPool = Extract<Layer, { kind: 'adaptiveAvgPool' }>;

/** Pixels of each window that lie in the image, row by row. */
function* windowsOf(
  [height, width]: Pair,
  [rows, columns]: Pair,
  window: {
    readonly kernel: Pair;
    readonly stride: Pair;
    readonly dilation?: Pair;
    readonly padding: { readonly top: number; readonly left: number };
  },
): Generator<number[]> {
  const { kernel, stride, dilation = [1, 1], padding } = window;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const pixels: number[] = [];
      for (let i = 0; i < kernel[0]; i++) {
        for (let j = 0; j < kernel[1]; j++) {
          const y = row * stride[0] - padding.top + i * dilation[0];
          const x = column * stride[1] - padding.left + j * dilation[1];
          if (y >= 0 && y < height && x >= 0 && x < width) pixels.push(y * width + x);
        }
      }
      yield pixels;
    }
  }
}

/** Each image's windows, one number of each. */
function pooled(
  images: Float64Array,
  numPixels: number,
  windows: readonly (readonly number[])[],
  pool: (values: readonly number[]) => number,
): Float64Array {
  const result: number[] = [];
  for (let start = 0; start < images.length; start += numPixels) {
    for (const pixels of windows) result.push(pool(pixels.map((pixel) => images[start + pixel]!)));
  }
  return Float64Array.from(result);
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const sizeOf = (shape: Shape): Pair => [shape[1]!, shape[2]!];

/** PyTorch's nn.AvgPool2d, by its definition. */
const avgReference: Reference<AvgPool> = ({ layer, inputs, inputShapes, outputShape }) => {
  const size = sizeOf(inputShapes[0]!);
  const { padding } = resolveWindow(size, layer);
  const area = layer.kernel[0] * layer.kernel[1];
  const windows = [...windowsOf(size, sizeOf(outputShape), { ...layer, padding })];
  const mean = (x: readonly number[]) => sum(x) / (layer.countIncludePad ? area : x.length);
  return { output: pooled(inputs[0]!, size[0] * size[1], windows, mean) };
};

/** PyTorch's nn.AdaptiveAvgPool2d, by its definition. */
const adaptiveReference: Reference<AdaptiveAvgPool> = ({ layer, inputs, inputShapes }) => {
  const [height, width] = sizeOf(inputShapes[0]!);
  const [rows, columns] = layer.outputSize;
  const range = (i: number, n: number, length: number): number[] => {
    const start = Math.floor((i * length) / n);
    const end = Math.ceil(((i + 1) * length) / n);
    return Array.from({ length: end - start }, (_, k) => start + k);
  };
  const windows = Array.from({ length: rows * columns }, (_, at) =>
    range(Math.floor(at / columns), rows, height).flatMap((y) =>
      range(at % columns, columns, width).map((x) => y * width + x),
    ),
  );
  return { output: pooled(inputs[0]!, height * width, windows, (x) => sum(x) / x.length) };
};

const pair = (min: number, max: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

const sizes = {
  C: fc.integer({ min: 1, max: 5 }),
  size: pair(1, 9),
  S: fc.integer({ min: 1, max: 3 }),
  B: fc.integer({ min: 1, max: 3 }),
  seed: fc.nat(1000),
};

/** At most half of the kernel, as PyTorch has it; it may be another one on each side. */
const paddingOf = (kernel: Pair): fc.Arbitrary<Padding> => {
  const side = (axis: 0 | 1) => fc.integer({ min: 0, max: Math.floor(kernel[axis] / 2) });
  return fc.oneof(
    { arbitrary: fc.constant<Padding>('same'), weight: 1 },
    {
      arbitrary: fc.record({ top: side(0), left: side(1), bottom: side(0), right: side(1) }),
      weight: 4,
    },
  );
};

const leavesOutput = ({ size, layer }: { size: Pair; layer: AvgPool }): boolean =>
  resolveWindow(size, layer).outputSize.every((side) => side > 0);

const avgPools = fc
  .record({ kernel: pair(1, 4), ...sizes })
  .chain(({ kernel, ...rest }) =>
    fc
      .record({
        stride: fc.oneof(pair(1, 4), fc.constant<Pair>([1, 1]), fc.constant(kernel)),
        padding: fc.oneof(
          paddingOf(kernel),
          fc.constant<Padding>({ top: 0, left: 0, bottom: 0, right: 0 }),
        ),
        countIncludePad: fc.boolean(),
      })
      .map((window) => {
        const layer: AvgPool = { kind: 'avgPool', name: 'pool', inputs: ['x'], kernel, ...window };
        return { layer, ...rest };
      }),
  )
  .filter(leavesOutput);

const numRuns = 60;

describe('average pooling', () => {
  test('has the gradients that finite differences say, for random windows', async () => {
    await fc.assert(
      fc.asyncProperty(avgPools, async ({ layer, C, size, ...options }) => {
        await checkRule(avgPoolRule, avgReference, layer, [[C, ...size]], options);
      }),
      { numRuns: 2 * numRuns },
    );
  });

  test('gives a shard the same bits in any company, for random windows', async () => {
    await fc.assert(
      fc.asyncProperty(avgPools, async ({ layer, C, size, ...options }) => {
        await checkShardBits(avgPoolRule, layer, [[C, ...size]], { ...options, S: 4 });
      }),
      { numRuns: 20 },
    );
  });
});

describe('adaptive average pooling', () => {
  const cases = fc.record({ outputSize: pair(1, 7), ...sizes }).map(({ outputSize, ...rest }) => {
    const layer: AdaptiveAvgPool = {
      ...{ kind: 'adaptiveAvgPool', name: 'pool', inputs: ['x'] },
      outputSize,
    };
    return { layer, ...rest };
  });

  test('has the gradients that finite differences say, for random sizes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ layer, C, size, ...options }) => {
        await checkRule(adaptiveAvgPoolRule, adaptiveReference, layer, [[C, ...size]], options);
      }),
      { numRuns },
    );
  });

  test('gives a shard the same bits in any company, for random sizes', async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ layer, C, size, ...options }) => {
        await checkShardBits(adaptiveAvgPoolRule, layer, [[C, ...size]], { ...options, S: 4 });
      }),
      { numRuns: 30 },
    );
  });
});
