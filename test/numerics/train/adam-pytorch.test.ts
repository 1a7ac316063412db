import { describe, expect, it } from 'vitest';
import { adamRange, adamScalars } from '../../../src/train/optimizers/adam.js';
import { stepRate } from '../../../src/train/schedules/decay.js';
import { fixture, relativeDistance, unpacked } from './fixture.js';
import { noise } from './formulas.js';

const size = 64;
const whole = { gradientOffset: 0, parameterOffset: 0, length: size };

function gradientsOf(step: number): Float32Array {
  return Float32Array.from({ length: size }, (_, i) =>
    i % 16 === 15 ? 0 : noise(step * size + i) / 10 ** ((i + step) % 7),
  );
}

describe('Adam', () => {
  it.each(fixture.adam)(
    'is PyTorch Adam over 200 steps (beta1 $beta1, beta2 $beta2, epsilon $epsilon)',
    ({ after, learningRate, ...betas }) => {
      const tensors = {
        parameters: Float32Array.from({ length: size }, (_, i) => noise(i)),
        firstMoments: new Float32Array(size),
        secondMoments: new Float32Array(size),
      };
      let numCompared = 0;
      for (let step = 1; step <= 200; step += 1) {
        const place = { step, learningRate, weightDecay: 0 };
        const scalars = adamScalars({ type: 'adam', ...betas }, place);
        adamRange(tensors, gradientsOf(step), whole, scalars);
        const expected = after[step];
        if (expected === undefined) continue;
        numCompared += 1;
        // The moments have PyTorch's bits. Its vectorised square root, in the parameters' update, is not always the
        // nearest float32; ours is.
        expect(tensors.firstMoments).toEqual(unpacked(expected.firstMoments));
        expect(tensors.secondMoments).toEqual(unpacked(expected.secondMoments));
        const distance = relativeDistance(tensors.parameters, unpacked(expected.parameters));
        expect(distance).toBeLessThan(step === 1 ? 1e-7 : 1e-6);
      }
      expect(numCompared).toBe(4);
    },
  );
});

describe('StepLR', () => {
  it.each(fixture.stepLr)(
    'has the bits of PyTorch StepLR(step_size=$stepSize, gamma=$gamma)',
    ({ learningRate, stepSize, gamma, rates }) => {
      expect(rates.map((_, epoch) => stepRate(learningRate, stepSize, gamma, epoch))).toEqual(
        rates,
      );
    },
  );
});
