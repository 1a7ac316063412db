import { describe, expect, it } from 'vitest';
import { clipRange, clipScalars, gradientNorm } from '../../../src/train/clip.js';
import { relativeDistance, unpacked } from './fixture.js';
import { noise } from './formulas.js';
import { fixture } from './update-fixture.js';

const length = 200;

describe('clipping', () => {
  it.each(fixture.clips)(
    'is clip_grad_norm_ and clip_grad_value_ of PyTorch (norm $norm, value $value)',
    ({ norm, value, totalNorm, clipped }) => {
      const gradients = Float32Array.from({ length }, (_, i) => noise(5000 + i));
      const ownNorm = gradientNorm(gradients);
      if (totalNorm !== null) expect(Math.abs(ownNorm - totalNorm) / totalNorm).toBeLessThan(2e-7);
      clipRange(gradients, 0, length, clipScalars({ norm, value }, ownNorm));
      expect(relativeDistance(gradients, unpacked(clipped))).toBeLessThan(2e-7);

      // PyTorch sums the norm in float32; from its norm on, the bits are the same.
      const fromItsNorm = Float32Array.from({ length }, (_, i) => noise(5000 + i));
      clipRange(fromItsNorm, 0, length, clipScalars({ norm, value }, totalNorm ?? 0));
      expect(fromItsNorm).toEqual(unpacked(clipped));
    },
  );
});
