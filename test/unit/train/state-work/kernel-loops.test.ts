import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { kernelMemory, Kernels } from '../../../../src/kernels/kernels.js';
import { countNotFinite } from '../../../../src/train/checks.js';
import { clipRange, clipScalars, sumOfSquares } from '../../../../src/train/clip.js';
import { updateRange, updateScalars } from '../../../../src/train/optimizers/update.js';
import {
  countBad,
  divide,
  limit,
  squares,
  update,
} from '../../../../src/train/state-work/kernel-loops.js';

const memory = kernelMemory(2 ** 20);
const kernels = new Kernels(memory);
const maxLength = 60;

/** Any sizes, both signs, zeros of both, the smallest and the largest; finite. */
const finite = fc.oneof(
  fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 }),
  fc.float({
    noNaN: true,
    noDefaultInfinity: true,
    min: Math.fround(-1e-6),
    max: Math.fround(1e-6),
  }),
  fc.constantFrom(0, -0, 2 ** -149, -(2 ** -126), 1, -1, Math.fround(1 / 3)),
);
const values = fc.array(finite, { minLength: 1, maxLength }).map((list) => Float32Array.from(list));

let at = 0;
/** A copy in the kernels' memory, at any place that a float32 may have. */
function copied(given: Float32Array): Float32Array {
  at = (at + 4 * 331) % 2 ** 19;
  const copy = new Float32Array(memory.buffer, at, given.length);
  copy.set(given);
  return copy;
}

function bits(given: Float32Array): string {
  // Which NaN comes of an operation is the machine's business.
  const canonical = Float32Array.from(given, (x) => (Number.isNaN(x) ? NaN : x));
  return Buffer.from(canonical.buffer).toString('hex');
}

describe('a kernel has the bits of its loop', () => {
  it('dividing', () => {
    fc.assert(
      fc.property(values, finite, (given, by) => {
        const copy = copied(given);
        divide(kernels, copy, by);
        expect(bits(copy)).toBe(bits(given.map((value) => value / by)));
      }),
    );
  });

  it('limiting', () => {
    const clip = fc.record({
      norm: fc.option(fc.double({ min: 1e-3, max: 10, noNaN: true })),
      value: fc.option(fc.double({ min: 1e-3, max: 10, noNaN: true })),
    });
    fc.assert(
      fc.property(
        values,
        clip,
        fc.double({ min: 0, max: 50, noNaN: true }),
        (given, spec, norm) => {
          const scalars = clipScalars(spec, norm);
          const copy = copied(given);
          limit(kernels, copy, scalars);
          const expected = given.slice();
          clipRange(expected, 0, expected.length, scalars);
          expect(bits(copy)).toBe(bits(expected));
        },
      ),
    );
  });

  it('counting what is not finite', () => {
    const any = fc.array(fc.float(), { minLength: 1, maxLength });
    fc.assert(
      fc.property(any, (list) => {
        const given = Float32Array.from(list);
        expect(countBad(kernels, copied(given))).toBe(countNotFinite(given));
      }),
    );
  });

  it('summing squares', () => {
    fc.assert(
      fc.property(values, (given) => {
        const sum = squares(kernels, copied(given));
        expect(Object.is(sum, sumOfSquares(given, 0, given.length))).toBe(true);
      }),
    );
  });

  it('updating, by every optimizer and in every way of it', () => {
    const common = {
      learningRate: fc.constantFrom(1e-3, 0.1, 1),
      weightDecay: fc.constantFrom(0, 0.01, 0.3),
      groups: fc.constant([]),
    };
    const optimizer = fc.oneof(
      fc.record({
        ...common,
        type: fc.constantFrom('adam' as const, 'adamw' as const),
        beta1: fc.constantFrom(0, 0.4, 0.9),
        beta2: fc.constantFrom(0.5, 0.999),
        epsilon: fc.constantFrom(1e-8, 1e-3),
      }),
      fc.record({
        ...common,
        type: fc.constant('sgd' as const),
        momentum: fc.constantFrom(0, 0.9),
        dampening: fc.constantFrom(0, 0.2),
        nesterov: fc.boolean(),
      }),
    );
    const column = fc.array(finite, { minLength: 12, maxLength });
    const place = fc.record({
      step: fc.integer({ min: 1, max: 5 }),
      skipped: fc.integer({ min: 0, max: 3 }),
      left: fc.integer({ min: 0, max: 7 }),
    });
    fc.assert(
      fc.property(fc.tuple(column, column, column, column), optimizer, place, (lists, spec, o) => {
        const length = Math.min(...lists.map((list) => list.length));
        const [gradients, parameters, firstMoments, squared] = lists.map((list) =>
          Float32Array.from(list.slice(0, length)),
        ) as [Float32Array, Float32Array, Float32Array, Float32Array];
        const tensors = { parameters, firstMoments, secondMoments: squared.map(Math.abs) };
        const copies = {
          parameters: copied(tensors.parameters),
          firstMoments: copied(tensors.firstMoments),
          secondMoments: copied(tensors.secondMoments),
        };
        const { learningRate, weightDecay } = spec;
        const scalars = updateScalars(spec, { step: o.step, learningRate, weightDecay });
        // Gradient and state are shifted against each other, and some elements are left alone.
        const range = {
          gradientOffset: 0,
          parameterOffset: o.skipped,
          length: Math.max(0, length - o.skipped - o.left),
        };
        update(kernels, copies, copied(gradients), range, scalars);
        updateRange(tensors, gradients, range, scalars);
        for (const name of ['parameters', 'firstMoments', 'secondMoments'] as const) {
          expect(bits(copies[name])).toBe(bits(tensors[name]));
        }
      }),
      { numRuns: 2000 },
    );
  });
});
