import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  chooseLowering,
  possibleLowerings,
} from '../../../src/models/derivatives/conv/choose-lowering.js';
import { convRule } from '../../../src/models/derivatives/conv/conv.js';
import { convGeometry } from '../../../src/models/derivatives/conv/geometry.js';
import { checkRule } from './support/check-rule.js';
import {
  anyConv,
  convReference,
  convRuleBy,
  testedLowerings,
  squareConv,
} from './support/conv-cases.js';
import { ruleCase } from './support/rule-case.js';
import { runRule } from './support/run-rule.js';

describe('a convolution', () => {
  test('has the gradients that finite differences say, in every way that it can be lowered', async () => {
    const kinds = new Set<string>();
    await fc.assert(
      fc.asyncProperty(anyConv, async ({ layer, inputShape, ...options }) => {
        for (const lowering of testedLowerings(layer, inputShape, options.B)) {
          for (const kind of Object.values(lowering)) kinds.add(kind);
          const rule = convRuleBy(lowering);
          await checkRule(rule, convReference, layer, [inputShape], { ...options, numProbes: 12 });
        }
      }),
      { numRuns: 80 },
    );
    expect([...kinds].sort()).toEqual(
      'channelMatrices correlation flipped pointwise rows taps transposed unfolded windows'.split(
        ' ',
      ),
    );
  }, 60_000);

  test('has the gradients that finite differences say, in the way that is chosen for it', async () => {
    await fc.assert(
      fc.asyncProperty(anyConv, fc.boolean(), async (conv, isConstant) => {
        const { layer, inputShape, ...options } = conv;
        const frozen = { constants: ['weight'], trained: layer.bias ? ['bias'] : [] };
        await checkRule(convRule, convReference, layer, [inputShape], {
          ...options,
          ...(isConstant ? frozen : {}),
          numProbes: 12,
        });
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  test('is lowered in the same possible way for any number of shards', () => {
    fc.assert(
      fc.property(anyConv, fc.integer({ min: 1, max: 64 }), ({ layer, inputShape, B }, scale) => {
        const [channels, height, width] = inputShape as readonly [number, number, number];
        const inputShapes = [[channels, scale * height, scale * width]];
        const ofShards = (numShards: number) =>
          convGeometry({ layer, inputShapes, numShards, rowsPerShard: B });
        const way = chooseLowering(ofShards(1));
        expect(possibleLowerings(ofShards(1))).toContainEqual(way);
        expect(chooseLowering(ofShards(8))).toEqual(way);
      }),
    );
  });

  // As in resnet, alexnet, squeezenet, mobilenet and inception, at sizes that are lowered differently.
  for (const [what, conv, size] of [
    ['a stem', { inChannels: 3, outChannels: 16, kernel: 7, stride: 2, pad: 3 }, 32],
    ['a 3x3', { inChannels: 16, outChannels: 16, kernel: 3, pad: 1 }, 16],
    ['a 3x3 of stride 2', { inChannels: 16, outChannels: 32, kernel: 3, stride: 2, pad: 1 }, 9],
    ['a 1x1 of stride 2', { inChannels: 16, outChannels: 32, kernel: 1, stride: 2 }, 16],
    ['a 1x1 with a bias', { inChannels: 24, outChannels: 8, kernel: 1, bias: true }, 13],
    ['a 3x3 on 2x2', { inChannels: 64, outChannels: 64, kernel: 3, pad: 1 }, 2],
    ['a depthwise', { inChannels: 24, outChannels: 24, kernel: 3, pad: 1, groups: 24 }, 12],
    ['a depthwise on 4x4', { inChannels: 48, outChannels: 48, kernel: 3, pad: 1, groups: 48 }, 4],
    ['an 11x11', { inChannels: 3, outChannels: 8, kernel: 11, stride: 4, pad: 2, bias: true }, 63],
    ['a dilated', { inChannels: 8, outChannels: 8, kernel: 3, pad: 4, dilation: 4 }, 14],
  ] as const) {
    test(`${what} has the gradients that finite differences say`, async () => {
      const options = { S: 2, B: 2, numProbes: 10 };
      const inputShape = [conv.inChannels, size, size];
      await checkRule(convRule, convReference, squareConv(conv), [inputShape], options);
    });
  }

  test('leaves out what is not wanted, however it is lowered', async () => {
    const depthwise = squareConv({ inChannels: 4, outChannels: 4, kernel: 3, pad: 1, groups: 4 });
    const full = squareConv({ inChannels: 4, outChannels: 3, kernel: 1, bias: true });
    for (const layer of [depthwise, full]) {
      for (const lowering of testedLowerings(layer, [4, 3, 3], 2)) {
        const options = { S: 2, B: 2, trained: [], wanted: [false] };
        const results = await runRule(convRuleBy(lowering), ruleCase(layer, [[4, 3, 3]], options));
        expect(results.inputs).toEqual([undefined]);
        expect([...results.tensors.keys()]).toEqual([]);
      }
    }
  });
});
