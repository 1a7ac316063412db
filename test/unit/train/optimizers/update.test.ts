import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AdamSpec, OptimizerSpec, SgdSpec } from '../../../../src/config/phase-spec.js';
import type { ElementRange } from '../../../../src/train/optimizers/tensors.js';
import {
  groupRates,
  numMoments,
  updateRange,
  updateScalars,
} from '../../../../src/train/optimizers/update.js';

const base = { learningRate: 0.1, weightDecay: 0, groups: [] };
const adam: AdamSpec = { ...base, type: 'adam', beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const sgd: SgdSpec = { ...base, type: 'sgd', momentum: 0.9, dampening: 0, nesterov: false };

function fresh(...parameters: number[]) {
  return {
    parameters: Float32Array.from(parameters),
    firstMoments: new Float32Array(parameters.length),
    secondMoments: new Float32Array(parameters.length),
  };
}

/** Updates by the gradients of one parameter, one after the other; the parameter after each. */
function path(optimizer: OptimizerSpec, start: number, ...gradients: number[]): number[] {
  const tensors = fresh(start);
  const { learningRate, weightDecay } = optimizer;
  return gradients.map((gradient, i) => {
    const scalars = updateScalars(optimizer, { step: i + 1, learningRate, weightDecay });
    updateRange(tensors, Float32Array.of(gradient), whole(1), scalars);
    return tensors.parameters[0]!;
  });
}

function whole(length: number): ElementRange {
  return { gradientOffset: 0, parameterOffset: 0, length };
}

describe('adam', () => {
  it('moves a parameter as two updates worked out by hand', () => {
    // g = 0.5: m = 0.05, v = 0.00025; corrected 0.5 and 0.25: step = 0.1 * 0.5 / sqrt(0.25) = 0.1
    // g = -0.5: m = 0.9 * 0.05 - 0.05 = -0.005, v = 0.00049975; corrected -0.0263158 and 0.25: step = -0.00526316
    const [first, second] = path(adam, 1, 0.5, -0.5);
    expect(first).toBeCloseTo(0.9, 7);
    expect(second).toBeCloseTo(0.9 + 0.00526316, 7);
  });

  it('takes epsilon outside of the square root', () => {
    // m / (1 - beta1) = 1e-3, sqrt(v / (1 - beta2)) = 1e-3, epsilon = 1e-3: half a step
    expect(path({ ...adam, epsilon: 1e-3 }, 0, 1e-3)[0]).toBeCloseTo(-0.05, 7);
  });

  it('interpolates from the far end where beta1 is at most 0.5, as lerp does', () => {
    const tensors = fresh(0);
    tensors.firstMoments[0] = 3;
    const scalars = updateScalars({ ...adam, beta1: 0 }, { step: 1, ...groupRates(adam, null) });
    updateRange(tensors, Float32Array.of(0.1), whole(1), scalars);
    // weight = 1 - 0 = 1: exactly the gradient, whatever the old moment was
    expect(tensors.firstMoments[0]).toBe(Math.fround(0.1));
  });

  it('adds the weight decay to the gradient, so that its size makes no difference to a first step', () => {
    // gradient 0 + 0.5 * 2 = 1, a step of the learning rate whatever its magnitude: 2 - 0.1
    expect(path({ ...adam, weightDecay: 0.5 }, 2, 0)[0]).toBeCloseTo(1.9, 6);
  });
});

describe('adamw', () => {
  it('shrinks the parameter by the learning rate times the weight decay, beside the step', () => {
    const adamw: AdamSpec = { ...adam, type: 'adamw', weightDecay: 0.5 };
    expect(path(adamw, 2, 0)[0]).toBeCloseTo(2 * (1 - 0.1 * 0.5), 7);
    expect(path(adamw, 2, 7)[0]).toBeCloseTo(2 * (1 - 0.1 * 0.5) - 0.1, 7);
  });

  it('is adam where there is no weight decay', () => {
    const gradients = [0.3, -0.2, 0, 1e-5];
    const plain = path(adam, 0.7, ...gradients);
    expect(path({ ...adam, type: 'adamw' }, 0.7, ...gradients)).toEqual(plain);
  });
});

describe('sgd', () => {
  it('is a step against the gradient without momentum', () => {
    // 1 - 0.1 * 0.5 = 0.95, 0.95 - 0.1 * -0.25 = 0.975
    const [first, second] = path({ ...sgd, momentum: 0 }, 1, 0.5, -0.25);
    expect(first).toBeCloseTo(0.95, 7);
    expect(second).toBeCloseTo(0.975, 7);
  });

  it('begins with the gradient as its buffer, and dampens only the gradients after it', () => {
    // buffer 1, then 0.5 * 1 + (1 - 0.25) * 1 = 1.25
    const [first, second] = path({ ...sgd, momentum: 0.5, dampening: 0.25 }, 0, 1, 1);
    expect(first).toBeCloseTo(-0.1, 7);
    expect(second).toBeCloseTo(-0.1 - 0.125, 7);
  });

  it('looks ahead with nesterov: gradient + momentum * buffer', () => {
    // first: 1 + 0.5 * 1 = 1.5; then the buffer is 0.5 + 1 = 1.5, the step 1 + 0.75 = 1.75
    const [first, second] = path({ ...sgd, momentum: 0.5, nesterov: true }, 0, 1, 1);
    expect(first).toBeCloseTo(-0.15, 7);
    expect(second).toBeCloseTo(-0.15 - 0.175, 7);
  });

  it('begins anew at step 1 whatever a former phase left in the buffer', () => {
    const tensors = fresh(0);
    tensors.firstMoments[0] = 5;
    const scalars = updateScalars(sgd, { step: 1, ...groupRates(sgd, null) });
    updateRange(tensors, Float32Array.of(1), whole(1), scalars);
    expect(tensors.firstMoments[0]).toBe(1);
  });
});

const optimizers: OptimizerSpec[] = [
  { ...adam, weightDecay: 0.1 },
  { ...adam, type: 'adamw', weightDecay: 0.1 },
  { ...adam, beta1: 0.4 },
  { ...sgd, momentum: 0 },
  { ...sgd, dampening: 0.1, weightDecay: 0.1 },
  { ...sgd, nesterov: true },
];

describe('updateRange', () => {
  it('has the same bits however the elements are cut in ranges', () => {
    const values = fc.array(fc.float({ min: -4, max: 4, noNaN: true }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(fc.constantFrom(...optimizers), values, fc.nat(40), (optimizer, given, at) => {
        const cut = Math.min(at, given.length);
        const gradients = Float32Array.from(given, (value, i) => value / (i + 1));
        const ranges = [
          { gradientOffset: cut, parameterOffset: cut, length: given.length - cut },
          { gradientOffset: 0, parameterOffset: 0, length: cut },
        ];
        const [once, inParts] = [fresh(...given), fresh(...given)];
        for (const step of [1, 2, 3]) {
          const scalars = updateScalars(optimizer, { step, ...groupRates(optimizer, null) });
          updateRange(once, gradients, whole(given.length), scalars);
          for (const range of ranges) updateRange(inParts, gradients, range, scalars);
        }
        expect(inParts).toEqual(once);
      }),
    );
  });

  it.each(optimizers)('moves nothing outside of its range: $type', (optimizer) => {
    const tensors = fresh(1, 2, 3, 4);
    const scalars = updateScalars(optimizer, { step: 1, ...groupRates(optimizer, null) });
    const range = { gradientOffset: 0, parameterOffset: 2, length: 1 };
    updateRange(tensors, Float32Array.of(0.5), range, scalars);
    const moved = [...tensors.parameters].map((value, i) => value !== i + 1);
    expect(moved).toEqual([false, false, true, false]);
    expect([...tensors.firstMoments].map((value) => value === 0)).toEqual(
      numMoments(optimizer) === 0 ? [true, true, true, true] : [true, true, false, true],
    );
  });

  it.each([{ ...adam, weightDecay: 0 }, sgd])(
    'leaves a parameter alone that never had a gradient: $type',
    (optimizer) => {
      expect(path(optimizer, -2, 0, 0)).toEqual([-2, -2]);
    },
  );
});

describe('numMoments', () => {
  it('is what the optimizer reads and writes', () => {
    expect(optimizers.map(numMoments)).toEqual([2, 2, 2, 0, 1, 1]);
  });
});

describe('groupRates', () => {
  it("is the group's own, else the optimizer's", () => {
    const groups = [
      { match: ['a'], learningRate: 0.5, weightDecay: null },
      { match: ['b'], learningRate: null, weightDecay: 0 },
    ];
    const optimizer = { ...adam, weightDecay: 0.25, groups };
    expect([null, 0, 1].map((group) => groupRates(optimizer, group))).toEqual([
      { learningRate: 0.1, weightDecay: 0.25 },
      { learningRate: 0.5, weightDecay: 0.25 },
      { learningRate: 0.1, weightDecay: 0 },
    ]);
  });
});
