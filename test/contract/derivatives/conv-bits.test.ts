import fc from 'fast-check';
import { describe, test } from 'vitest';
import { convRule } from '../../../src/models/derivatives/conv/conv.js';
import { checkShardBits, checkShardSum } from './support/check-rule.js';
import { anyConv, convRuleBy, testedLowerings, squareConv } from './support/conv-cases.js';

describe('a convolution gives a shard the same bits in any company, in every way that it can be lowered', () => {
  test('for random sizes, strides, dilations, groups and paddings', async () => {
    await fc.assert(
      fc.asyncProperty(anyConv, async ({ layer, inputShape, B, seed }) => {
        for (const lowering of testedLowerings(layer, inputShape, B)) {
          await checkShardBits(convRuleBy(lowering), layer, [inputShape], { S: 4, B, seed });
        }
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  // Large enough for onnxruntime to cut its products into blocks, and to give them to two threads.
  for (const [what, conv, size, B] of [
    ['a 3x3', { inChannels: 64, outChannels: 64, kernel: 3, pad: 1 }, 16, 4],
    ['a 3x3 of many channels', { inChannels: 192, outChannels: 256, kernel: 3, pad: 1 }, 4, 2],
    ['a 3x3 on 2x2', { inChannels: 256, outChannels: 384, kernel: 3, pad: 1 }, 2, 4],
    ['a 3x3 on 2x2 of one row', { inChannels: 128, outChannels: 128, kernel: 3, pad: 1 }, 2, 1],
    ['a 3x3 of stride 2', { inChannels: 64, outChannels: 128, kernel: 3, stride: 2, pad: 1 }, 8, 4],
    ['a 1x1 with a bias', { inChannels: 512, outChannels: 128, kernel: 1, bias: true }, 7, 3],
    ['a 1x1 of few channels', { inChannels: 16, outChannels: 96, kernel: 1 }, 32, 2],
    ['a stem', { inChannels: 3, outChannels: 64, kernel: 7, stride: 2, pad: 3 }, 64, 4],
    ['a depthwise', { inChannels: 96, outChannels: 96, kernel: 3, pad: 1, groups: 96 }, 16, 4],
    [
      'a depthwise on 4x4',
      { inChannels: 192, outChannels: 192, kernel: 3, pad: 1, groups: 192 },
      4,
      4,
    ],
    ['a grouped', { inChannels: 64, outChannels: 128, kernel: 3, pad: 1, groups: 4 }, 14, 2],
  ] as const) {
    for (const isConstant of [false, true]) {
      test(`${what}${isConstant ? ', its weight being constant' : ''}`, async () => {
        const layer = squareConv(conv);
        const inputShape = [conv.inChannels, size, size];
        const frozen = isConstant ? { constants: ['weight', 'bias'], trained: [] } : {};
        for (const lowering of testedLowerings(layer, inputShape, B)) {
          const options = { S: 4, B, ...frozen };
          await checkShardBits(convRuleBy(lowering), layer, [inputShape], options);
        }
      }, 60_000);
    }
  }
});

describe('a convolution sums a large gradient over the shards by the fixed tree', () => {
  for (const [what, conv, size, B] of [
    ['of small images', { inChannels: 64, outChannels: 64, kernel: 3, pad: 1 }, 2, 4],
    ['of few pixels and many channels', { inChannels: 32, outChannels: 128, kernel: 3 }, 7, 1],
    ['of many pixels', { inChannels: 192, outChannels: 192, kernel: 3, pad: 1 }, 16, 2],
    ['in groups', { inChannels: 128, outChannels: 256, kernel: 3, pad: 1, groups: 4 }, 7, 2],
    ['of single pixels', { inChannels: 192, outChannels: 192, kernel: 1 }, 14, 2],
  ] as const) {
    test(what, async () => {
      const inputShape = [conv.inChannels, size, size];
      for (const S of [2, 4, 8]) {
        await checkShardSum(convRule, squareConv(conv), [inputShape], 'weight', { S, B });
      }
    });
  }
});
