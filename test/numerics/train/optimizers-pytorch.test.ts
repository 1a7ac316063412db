import { describe, expect, it } from 'vitest';
import { groupRates, updateRange, updateScalars } from '../../../src/train/optimizers/update.js';
import { relativeDistance, unpacked } from './fixture.js';
import { noise } from './formulas.js';
import { fixture } from './update-fixture.js';

const size = 64;
const numSteps = 100;

function gradientsOf(step: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) =>
    i % 16 === 15 ? 0 : noise(step * size + i) / 10 ** ((i + step) % 7),
  );
}

describe('an optimizer with a group of its own rates', () => {
  it.each(fixture.optimizers)('is $spec.type of PyTorch over 100 updates: $spec', (given) => {
    const { spec, after } = given;
    const tensors = {
      parameters: Float32Array.from({ length: size }, (_, i) => noise(i)),
      firstMoments: new Float32Array(size),
      secondMoments: new Float32Array(size),
    };
    let numCompared = 0;
    for (let step = 1; step <= numSteps; step += 1) {
      const gradients = gradientsOf(step);
      for (const group of [null, 0]) {
        const offset = group === null ? 0 : size / 2;
        const range = { gradientOffset: offset, parameterOffset: offset, length: size / 2 };
        const scalars = updateScalars(spec, { step, ...groupRates(spec, group) });
        updateRange(tensors, gradients, range, scalars);
      }
      const expected = after[step];
      if (expected === undefined) continue;
      numCompared += 1;
      const { firstMoments, secondMoments } = expected;
      if (spec.type === 'sgd') {
        expect(tensors.parameters).toEqual(unpacked(expected.parameters));
        if (firstMoments !== undefined)
          expect(tensors.firstMoments).toEqual(unpacked(firstMoments));
        continue;
      }
      // PyTorch's vectorised square root, in the parameters' update, is not always the nearest float32; ours is. With weight decay
      // in the gradient, that comes back into the moments.
      const distance = relativeDistance(tensors.parameters, unpacked(expected.parameters));
      expect(distance).toBeLessThan(step === 1 ? 1e-7 : 1e-6);
      const moments = [
        [tensors.firstMoments, unpacked(firstMoments!)],
        [tensors.secondMoments, unpacked(secondMoments!)],
      ] as const;
      for (const [actual, wanted] of moments) {
        if (spec.type === 'adamw' || step === 1) expect(actual).toEqual(wanted);
        else expect(relativeDistance(actual, wanted)).toBeLessThan(1e-6);
      }
    }
    expect(numCompared).toBe(4);
  });
});
