import type { Conv2dLayer, Pair } from '../../network.js';
import { resolveWindow, sizeOf } from '../../shapes.js';
import type { RuleContext } from '../rule.js';

/** The sizes of a convolution over the rows of a training graph. */
export interface ConvGeometry {
  /** S, shards. */
  readonly numShards: number;
  /** B, rows of a shard. */
  readonly rowsPerShard: number;
  /** N = S * B */
  readonly numRows: number;
  /** C */
  readonly inChannels: number;
  /** K */
  readonly outChannels: number;
  /** G */
  readonly groups: number;
  readonly kernel: Pair;
  readonly stride: Pair;
  readonly dilation: Pair;
  /** [H, W] */
  readonly inputSize: Pair;
  /** [OH, OW] */
  readonly outputSize: Pair;
  /** H * W */
  readonly numInputPixels: number;
  /** P = OH * OW */
  readonly numPixels: number;
  /** T, elements of a kernel of one channel. */
  readonly numTaps: number;
  /** [top, left, bottom, right], as ONNX has it. */
  readonly pads: readonly [number, number, number, number];
  /** Rows and columns at the bottom and right of the padded input that no window reaches. */
  readonly surplus: Pair;
}

export function convGeometry(
  context: Pick<RuleContext<Conv2dLayer>, 'layer' | 'inputShapes' | 'numShards' | 'rowsPerShard'>,
): ConvGeometry {
  const { layer, inputShapes, numShards, rowsPerShard } = context;
  const { inChannels, outChannels, groups, kernel, stride, dilation } = layer;
  const inputSize = sizeOf(inputShapes[0]!);
  const { outputSize, padding } = resolveWindow(inputSize, layer);
  const { top, left, bottom, right } = padding;
  const surplus = (axis: 0 | 1, before: number, after: number): number => {
    const reach = (outputSize[axis] - 1) * stride[axis] + (kernel[axis] - 1) * dilation[axis] + 1;
    return inputSize[axis] + before + after - reach;
  };
  return {
    numShards,
    rowsPerShard,
    numRows: numShards * rowsPerShard,
    ...{ inChannels, outChannels, groups, kernel, stride, dilation, inputSize, outputSize },
    numInputPixels: inputSize[0] * inputSize[1],
    numPixels: outputSize[0] * outputSize[1],
    numTaps: kernel[0] * kernel[1],
    pads: [top, left, bottom, right],
    surplus: [surplus(0, top, bottom), surplus(1, left, right)],
  };
}

/** The places [i, j] of the taps in the kernel, row by row: the order of a weight's last two axes. */
export function tapsOf({ kernel }: ConvGeometry): Pair[] {
  const [height, width] = kernel;
  return Array.from({ length: height * width }, (_, tap) => [Math.floor(tap / width), tap % width]);
}
