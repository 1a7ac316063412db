import fc from 'fast-check';
import { lowerConv } from '../../../../src/models/derivatives/conv/conv.js';
import {
  possibleLowerings,
  type ConvLowering,
} from '../../../../src/models/derivatives/conv/choose-lowering.js';
import { convGeometry } from '../../../../src/models/derivatives/conv/geometry.js';
import type { Rule } from '../../../../src/models/derivatives/rule.js';
import type { Conv2dLayer, Padding, Pair } from '../../../../src/models/network.js';
import { resolveWindow, type Shape } from '../../../../src/models/shapes.js';
import type { Reference } from './check-rule.js';

export interface ConvCase {
  readonly layer: Conv2dLayer;
  readonly inputShape: Shape;
  readonly S: number;
  readonly B: number;
  readonly seed: number;
}

/** A square convolution as networks have them. */
export const squareConv = (
  sizes: Pick<Conv2dLayer, 'inChannels' | 'outChannels'> & {
    readonly kernel: number;
    readonly stride?: number;
    readonly pad?: number;
    readonly dilation?: number;
    readonly groups?: number;
    readonly bias?: boolean;
  },
): Conv2dLayer => {
  const { inChannels, outChannels, kernel, stride = 1, pad = 0, dilation = 1 } = sizes;
  return {
    kind: 'conv2d',
    name: 'conv',
    inputs: ['images'],
    ...{ inChannels, outChannels },
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: { top: pad, left: pad, bottom: pad, right: pad },
    dilation: [dilation, dilation],
    groups: sizes.groups ?? 1,
    bias: sizes.bias ?? false,
  };
};

const pair = (min: number, max: number): fc.Arbitrary<Pair> =>
  fc.tuple(fc.integer({ min, max }), fc.integer({ min, max }));

const padding: fc.Arbitrary<Padding> = fc.oneof(
  { arbitrary: fc.constant<Padding>('same'), weight: 1 },
  {
    arbitrary: fc
      .tuple(pair(0, 2), pair(0, 2))
      .map(([[top, left], [bottom, right]]): Padding => ({ top, left, bottom, right })),
    weight: 3,
  },
);

const sizesInCommon = {
  bias: fc.boolean(),
  size: pair(1, 9),
  S: fc.integer({ min: 1, max: 3 }),
  B: fc.integer({ min: 1, max: 4 }),
  seed: fc.nat(1000),
};

const pointwiseConv: fc.Arbitrary<ConvCase> = fc
  .record({ ...sizesInCommon, channels: pair(1, 12) })
  .map(({ channels: [inChannels, outChannels], size, bias, ...rest }) => ({
    layer: squareConv({ inChannels, outChannels, kernel: 1, bias }),
    inputShape: [inChannels, ...size],
    ...rest,
  }));

const convOfAnySizes: fc.Arbitrary<ConvCase> = fc
  .record({
    groups: fc.constantFrom(1, 1, 1, 2, 3),
    inPerGroup: fc.integer({ min: 1, max: 4 }),
    outPerGroup: fc.integer({ min: 1, max: 4 }),
    isDepthwise: fc.boolean(),
    kernel: pair(1, 4),
    stride: pair(1, 3),
    dilation: fc.oneof(fc.constant<Pair>([1, 1]), pair(1, 2)),
    padding,
    ...sizesInCommon,
  })
  .map(({ groups, inPerGroup, outPerGroup, isDepthwise, size, S, B, seed, ...rest }): ConvCase => {
    const channels = groups * inPerGroup;
    const inChannels = isDepthwise ? outPerGroup * 2 : channels;
    const layer: Conv2dLayer = {
      kind: 'conv2d',
      name: 'conv',
      inputs: ['images'],
      inChannels,
      outChannels: isDepthwise ? inChannels : groups * outPerGroup,
      groups: isDepthwise ? inChannels : groups,
      ...rest,
    };
    return { layer, inputShape: [inChannels, ...size], S, B, seed };
  })
  .filter(({ layer, inputShape }) =>
    resolveWindow([inputShape[1]!, inputShape[2]!], layer).outputSize.every((side) => side > 0),
  );

/** Convolutions of any sizes, strides, dilations, groups and paddings that leave an output. */
export const anyConv: fc.Arbitrary<ConvCase> = fc.oneof(
  { arbitrary: convOfAnySizes, weight: 7 },
  { arbitrary: pointwiseConv, weight: 1 },
);

/** All ways in which a convolution of these sizes can be computed, but for those that combine what others have. */
export function testedLowerings(
  layer: Conv2dLayer,
  inputShape: Shape,
  rowsPerShard: number,
): ConvLowering[] {
  const sizes = { layer, inputShapes: [inputShape], numShards: 1, rowsPerShard };
  return possibleLowerings(convGeometry(sizes)).filter(
    (way) => way.kind !== 'windows' || way.input === 'transposed' || way.filter === 'unfolded',
  );
}

/** The rule for convolutions in a given way. */
export const convRuleBy =
  (lowering: ConvLowering): Rule<Conv2dLayer> =>
  (context, inputs) =>
    lowerConv(context, inputs[0]!, lowering);

/** PyTorch's nn.Conv2d, by its definition. */
export const convReference: Reference<Conv2dLayer> = ({
  layer,
  rows,
  inputs,
  tensors,
  inputShapes,
  outputShape,
}) => {
  const [C, H, W] = inputShapes[0] as readonly [number, number, number];
  const [K, OH, OW] = outputShape as readonly [number, number, number];
  const { kernel, stride, dilation, groups } = layer;
  const { padding } = resolveWindow([H, W], layer);
  const weight = tensors.get('weight')!;
  const x = inputs[0]!;
  const [inGroup, outGroup] = [C / groups, K / groups];
  const output = new Float64Array(rows * K * OH * OW);
  let at = 0;
  for (let n = 0; n < rows; n++) {
    for (let k = 0; k < K; k++) {
      const firstChannel = Math.floor(k / outGroup) * inGroup;
      for (let oy = 0; oy < OH; oy++) {
        for (let ox = 0; ox < OW; ox++) {
          let sum = tensors.get('bias')?.[k] ?? 0;
          for (let i = 0; i < kernel[0]; i++) {
            const y = oy * stride[0] - padding.top + i * dilation[0];
            if (y < 0 || y >= H) continue;
            for (let j = 0; j < kernel[1]; j++) {
              const z = ox * stride[1] - padding.left + j * dilation[1];
              if (z < 0 || z >= W) continue;
              for (let c = 0; c < inGroup; c++) {
                const w = weight[((k * inGroup + c) * kernel[0] + i) * kernel[1] + j]!;
                sum += w * x[((n * C + firstChannel + c) * H + y) * W + z]!;
              }
            }
          }
          output[at++] = sum;
        }
      }
    }
  }
  return { output };
};
