import { describe, expect, it } from 'vitest';
import { adamUpdate } from '../../../src/train/adam.js';

const spec = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

function fresh(...parameters: number[]) {
  return {
    parameters: Float32Array.from(parameters),
    firstMoments: new Float32Array(parameters.length),
    secondMoments: new Float32Array(parameters.length),
  };
}

describe('adamUpdate', () => {
  it('moves a parameter as two updates worked out by hand', () => {
    const tensors = fresh(1);
    // g = 0.5: m = 0.1 * 0.5 = 0.05; v = 0.001 * 0.25 = 0.00025
    // corrected: m / (1 - 0.9) = 0.5; v / (1 - 0.999) = 0.25; step = 0.1 * 0.5 / sqrt(0.25) = 0.1
    adamUpdate(tensors, Float32Array.of(0.5), 1, 0.1, spec);
    expect(tensors.firstMoments[0]).toBeCloseTo(0.05, 8);
    expect(tensors.secondMoments[0]).toBeCloseTo(0.00025, 9);
    expect(tensors.parameters[0]).toBeCloseTo(0.9, 7);
    // g = -0.5: m = 0.9 * 0.05 - 0.1 * 0.5 = -0.005; v = 0.999 * 0.00025 + 0.00025 = 0.00049975
    // corrected: m / 0.19 = -0.0263158; v / 0.001999 = 0.25; step = 0.1 * -0.0263158 / 0.5 = -0.00526316
    adamUpdate(tensors, Float32Array.of(-0.5), 2, 0.1, spec);
    expect(tensors.firstMoments[0]).toBeCloseTo(-0.005, 8);
    expect(tensors.secondMoments[0]).toBeCloseTo(0.00049975, 9);
    expect(tensors.parameters[0]).toBeCloseTo(0.9 + 0.00526316, 7);
  });

  it('takes epsilon outside of the square root', () => {
    const tensors = fresh(0);
    // m / (1 - beta1) = 1e-3, sqrt(v / (1 - beta2)) = 1e-3, epsilon = 1e-3: half a step
    adamUpdate(tensors, Float32Array.of(1e-3), 1, 0.1, { ...spec, epsilon: 1e-3 });
    expect(tensors.parameters[0]).toBeCloseTo(-0.05, 7);
  });

  it('interpolates from the far end where beta1 is at most 0.5, as lerp does', () => {
    const tensors = fresh(0);
    tensors.firstMoments[0] = 3;
    // weight = 1 - 0 = 1: exactly the gradient, whatever the old moment was
    adamUpdate(tensors, Float32Array.of(0.1), 1, 0.1, { ...spec, beta1: 0 });
    expect(tensors.firstMoments[0]).toBe(Math.fround(0.1));
  });

  it('leaves a parameter alone that never had a gradient', () => {
    const tensors = fresh(0.25, -2);
    adamUpdate(tensors, new Float32Array(2), 1, 0.1, spec);
    expect([...tensors.parameters]).toEqual([0.25, -2]);
  });
});
