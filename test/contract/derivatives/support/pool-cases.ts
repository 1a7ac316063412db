import fc from 'fast-check';
import type { Padding, Pair } from '../../../../src/models/network.js';
import { resolveWindow, type Shape } from '../../../../src/models/shapes.js';

/** A pool's window, and what it slides over. */
export interface PoolCase {
  readonly window: {
    readonly kernel: Pair;
    readonly stride: Pair;
    readonly padding: Padding;
    readonly dilation: Pair;
    readonly ceilMode: boolean;
  };
  readonly inputShape: Shape;
  readonly S: number;
  readonly B: number;
  readonly seed: number;
}

const pair = (min: number, max: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

/** Padding up to half of the kernel, as PyTorch's pools take it. */
const padding = (kernel: Pair): fc.Arbitrary<Padding> => {
  const [vertical, horizontal] = kernel.map((side) => Math.floor(side / 2)) as [number, number];
  const explicit = fc.record({
    top: fc.integer({ min: 0, max: vertical }),
    bottom: fc.integer({ min: 0, max: vertical }),
    left: fc.integer({ min: 0, max: horizontal }),
    right: fc.integer({ min: 0, max: horizontal }),
  });
  return fc.oneof(
    { arbitrary: explicit, weight: 4 },
    { arbitrary: fc.constant<Padding>('same'), weight: 1 },
  );
};

/** The taps of each window along each axis that are in the image: [axis][output] -> places. */
export function placesOf(size: Pair, { window }: Pick<PoolCase, 'window'>): number[][][] {
  const { kernel, stride, dilation } = window;
  const { outputSize, padding: sides } = resolveWindow(size, window);
  return [sides.top, sides.left].map((before, axis) =>
    Array.from({ length: outputSize[axis]! }, (_, o) =>
      Array.from(
        { length: kernel[axis]! },
        (_, tap) => o * stride[axis]! - before + tap * dilation[axis]!,
      ).filter((place) => place >= 0 && place < size[axis]!),
    ),
  );
}

/** Pools of any kernels, strides, dilations and paddings whose windows all hold a pixel; onnxruntime takes less padding than the kernel. */
export const anyPool: fc.Arbitrary<PoolCase> = pair(1, 4)
  .chain((kernel) =>
    fc.record({
      window: fc.record({
        kernel: fc.constant(kernel),
        stride: pair(1, 4),
        dilation: fc.oneof(fc.constant<Pair>([1, 1]), pair(1, 3)),
        padding: padding(kernel),
        ceilMode: fc.boolean(),
      }),
      inputShape: fc
        .tuple(fc.integer({ min: 1, max: 3 }), pair(1, 10))
        .map(([channels, size]): Shape => [channels, ...size]),
      S: fc.integer({ min: 1, max: 3 }),
      B: fc.integer({ min: 1, max: 3 }),
      seed: fc.nat(1000),
    }),
  )
  .filter((pool) => {
    const size: Pair = [pool.inputShape[1]!, pool.inputShape[2]!];
    const { kernel } = pool.window;
    const { outputSize, padding: sides } = resolveWindow(size, pool.window);
    return (
      outputSize.every((side) => side > 0) &&
      Math.max(sides.top, sides.bottom) < kernel[0] &&
      Math.max(sides.left, sides.right) < kernel[1] &&
      placesOf(size, pool).every((axis) => axis.every((places) => places.length > 0))
    );
  });
