import { describe, expect, test } from 'vitest';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { float16ToNumber } from '../../../src/models/weights/float-formats.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import { floatsOf } from '../../../src/models/weights/tensor-set.js';

const network = describeNetwork(torchvisionSpec('mobilenet_v2', 0.5, 5));
const weights = randomWeights(network, 3);

describe('random weights', () => {
  test('are a whole state dict', () => {
    expect([...weights].map(([name, { shape }]) => [name, shape])).toEqual(
      stateDictSpecs(network).map(({ name, shape }) => [name, shape]),
    );
  });

  test('are normal with the standard deviation of kaiming_normal_, fan_out', () => {
    // features.17.conv.2 is a 1x1 convolution 480 -> 160: std = sqrt(2 / 160) = 0.1118; 76,800 values.
    const values = floatsOf(weights, 'features.17.conv.2.weight');
    const mean = values.reduce((a, b) => a + b) / values.length;
    const moment = (power: number): number =>
      values.reduce((a, b) => a + ((b - mean) / 0.1118) ** power, 0) / values.length;
    // Standard errors with 76,800 values: mean 0.0004, variance 0.005, fourth moment 0.035.
    expect(Math.abs(mean)).toBeLessThan(0.002);
    expect(moment(2)).toBeCloseTo(1, 1);
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.15);
    expect(Math.abs(moment(3))).toBeLessThan(0.06);
  });

  test("count no groups in a depthwise convolution's fan_out, as PyTorch", () => {
    // features.17.conv.1.0 is 480 channels of 3x3: std = sqrt(2 / (480 * 9)) = 0.02152; 4,320 values.
    const values = floatsOf(weights, 'features.17.conv.1.0.weight');
    const deviation = Math.sqrt(values.reduce((a, b) => a + b * b) / values.length);
    expect(deviation / 0.02152).toBeCloseTo(1, 1);
  });

  test('have batch norms that do nothing', () => {
    const all = (suffix: string, value: number) =>
      floatsOf(weights, `features.0.1.${suffix}`).every((element) => element === value);
    expect([
      all('weight', 1),
      all('bias', 0),
      all('running_mean', 0),
      all('running_var', 1),
    ]).toEqual([true, true, true, true]);
  });

  test('repeat for a seed, differ for another, and do not depend on the rest of the network', () => {
    const name = 'features.0.0.weight';
    const again = floatsOf(randomWeights(network, 3), name);
    expect(again).toEqual(floatsOf(weights, name));
    expect(floatsOf(randomWeights(network, 4), name)).not.toEqual(again);
    const other = describeNetwork(torchvisionSpec('mobilenet_v2', 0.5, 50));
    expect(floatsOf(randomWeights(other, 3), name)).toEqual(again);
  });
});

test('half precision is widened exactly', () => {
  // Smallest subnormal, largest subnormal, smallest normal, one, largest, negative zero, infinities.
  expect(
    [0x0001, 0x03ff, 0x0400, 0x3c00, 0x7bff, 0x8000, 0x7c00, 0xfc00].map(float16ToNumber),
  ).toEqual([2 ** -24, 1023 * 2 ** -24, 2 ** -14, 1, 65504, -0, Infinity, -Infinity]);
  expect(float16ToNumber(0x7e00)).toBeNaN();
});
