import fc from 'fast-check';
import { describe, test } from 'vitest';
import { addRule } from '../../../src/models/derivatives/add.js';
import { affineRule } from '../../../src/models/derivatives/affine.js';
import { concatRule } from '../../../src/models/derivatives/concat.js';
import { dropoutRule } from '../../../src/models/derivatives/dropout.js';
import { flattenRule } from '../../../src/models/derivatives/flatten.js';
import { reluRule } from '../../../src/models/derivatives/relu.js';
import { relu6Rule } from '../../../src/models/derivatives/relu6.js';
import type { Rule } from '../../../src/models/derivatives/rule.js';
import type { AffineLayer, Layer, SimpleLayer } from '../../../src/models/network.js';
import { checkRule, checkShardBits, type Reference } from './support/check-rule.js';

type Dropout = Extract<Layer, { kind: 'dropout' }>;

const sizes = fc.record({
  S: fc.integer({ min: 1, max: 4 }),
  B: fc.integer({ min: 1, max: 3 }),
  seed: fc.nat(1000),
});
const shapes = fc.tuple(
  fc.integer({ min: 1, max: 5 }),
  fc.integer({ min: 1, max: 4 }),
  fc.integer({ min: 1, max: 4 }),
);

const simple = (kind: SimpleLayer['kind'], numInputs: number): SimpleLayer => ({
  kind,
  name: kind,
  inputs: Array.from({ length: numInputs }, (_, i) => `input${i}`),
});

/** A kink is no place for a finite difference: values stay this far from 0 and 6. */
const away = (u: number): number => {
  const value = u * 10 - 2;
  if (Math.abs(value) < 0.01) return 0.02;
  return Math.abs(value - 6) < 0.01 ? 6.02 : value;
};

const each =
  <L extends Layer>(f: (x: number, i: number) => number): Reference<L> =>
  ({ inputs }) => ({ output: inputs[0]!.map(f) });

async function check<L extends Layer>(
  rule: Rule<L>,
  reference: Reference<L>,
  layer: L,
  options: { readonly numInputs?: number; readonly inputValue?: (u: number) => number } = {},
): Promise<void> {
  const { numInputs = 1, ...rest } = options;
  await fc.assert(
    fc.asyncProperty(sizes, shapes, async (size, shape) => {
      const inputShapes = Array.from({ length: numInputs }, () => shape);
      const all = { ...size, ...rest, isTraining: true };
      await checkRule(rule, reference, layer, inputShapes, all);
      await checkShardBits(rule, layer, inputShapes, { ...all, S: 4 });
    }),
    { numRuns: 12 },
  );
}

describe('layers that work element by element', () => {
  test('relu', () =>
    check(
      reluRule,
      each((x) => Math.max(x, 0)),
      simple('relu', 1),
      { inputValue: away },
    ));

  test('relu6', () =>
    check(
      relu6Rule,
      each((x) => Math.min(Math.max(x, 0), 6)),
      simple('relu6', 1),
      {
        inputValue: away,
      },
    ));

  test('add', () =>
    check(
      addRule,
      ({ inputs }) => ({ output: inputs[0]!.map((a, i) => a + inputs[1]![i]!) }),
      simple('add', 2),
      { numInputs: 2 },
    ));

  test('flatten', () =>
    check(
      flattenRule,
      each((x) => x),
      simple('flatten', 1),
    ));

  test('dropout', async () => {
    const layer: Dropout = { kind: 'dropout', name: 'drop', inputs: ['x'], probability: 0.3 };
    await check(
      dropoutRule,
      ({ inputs, dropoutMask }) => ({ output: inputs[0]!.map((x, i) => x * dropoutMask[i]!) }),
      layer,
    );
  });

  test('affine', async () => {
    const layer: AffineLayer = {
      ...{ kind: 'affine', name: 'affine', inputs: ['x'] },
      ...{ scale: [0.5, -2, 3], shift: [1, 0, -0.25] },
    };
    const perChannel: Reference<AffineLayer> = ({ inputs, rows }) => {
      const each = inputs[0]!.length / rows / 3;
      const channel = (i: number) => Math.floor(i / each) % 3;
      return {
        output: inputs[0]!.map((x, i) => x * layer.scale[channel(i)]! + layer.shift[channel(i)]!),
      };
    };
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        await checkRule(affineRule, perChannel, layer, [[3, 2, 3]], size);
      }),
      { numRuns: 8 },
    );
  });

  test('concat', async () => {
    const joined: Reference<SimpleLayer> = ({ inputs, rows }) => ({
      output: Float64Array.from(
        Array.from({ length: rows }, (_, row) =>
          inputs.flatMap((values) => {
            const width = values.length / rows;
            return [...values.subarray(row * width, (row + 1) * width)];
          }),
        ).flat(),
      ),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        const inputShapes = [2, 1, 4].map((channels) => [channels, 2, 3]);
        const layer = simple('concat', 3);
        await checkRule(concatRule, joined, layer, inputShapes, size);
        await checkRule(concatRule, joined, layer, inputShapes, {
          ...size,
          wanted: [false, true, true],
        });
      }),
      { numRuns: 8 },
    );
  });
});
