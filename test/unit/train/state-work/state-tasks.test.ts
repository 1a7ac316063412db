import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { OptimizerSpec } from '../../../../src/config/phase-spec.js';
import { encodeSnapshot } from '../../../../src/state/snapshot.js';
import type { TrainingState } from '../../../../src/state/training-state.js';
import { normBlockLength } from '../../../../src/train/clip.js';
import { updateScalars } from '../../../../src/train/optimizers/update.js';
import { inlineStateWork, type UpdateTask } from '../../../../src/train/state-work.js';
import { StateMemory } from '../../../../src/train/state-work/state-memory.js';
import { StateTasks } from '../../../../src/train/state-work/state-tasks.js';
import { anyState, sampleState } from '../../../support/train/sample-state.js';
import { RandomSource } from '../../../support/weights/random-source.js';

const rate = fc.double({ min: 1e-4, max: 0.3, noNaN: true });
const decay = fc.constantFrom(0, 0.01);
const adam = fc.record({
  type: fc.constantFrom('adam' as const, 'adamw' as const),
  beta1: fc.constantFrom(0, 0.3, 0.9),
  beta2: fc.constantFrom(0.9, 0.999),
  epsilon: fc.constant(1e-8),
  ...{ learningRate: rate, weightDecay: decay, groups: fc.constant([]) },
});
const sgd = fc.record({
  type: fc.constant('sgd' as const),
  momentum: fc.constantFrom(0, 0.9),
  dampening: fc.constantFrom(0, 0.1),
  nesterov: fc.boolean(),
  ...{ learningRate: rate, weightDecay: decay, groups: fc.constant([]) },
});
const clip = fc.record({
  norm: fc.constantFrom(null, 0.1, 1e6),
  value: fc.constantFrom(null, 0.01),
});

/** Two groups of parameters, with a gap before, between and after them; the second one is of more than a block. */
const ranges = fc
  .tuple(fc.nat(5), fc.nat(9), fc.nat(5), fc.nat(9), fc.nat(5))
  .map(([before, first, between, more, after]) => {
    const second = normBlockLength + more;
    return {
      numParameters: before + first + between + second + after,
      numTrained: first + second,
      ranges: [
        { gradientOffset: 0, parameterOffset: before, length: first },
        { gradientOffset: first, parameterOffset: before + first + between, length: second },
      ],
    };
  });

function stateOf(numParameters: number, allocate: (length: number) => Float32Array): TrainingState {
  const state = sampleState();
  const numbers = new RandomSource(1);
  for (const key of ['parameters', 'firstMoments', 'secondMoments'] as const) {
    state[key] = allocate(numParameters);
    for (let i = 0; i < numParameters; i += 1) state[key][i] = numbers.uniform() - 0.5;
  }
  // Squares, and moments of steps that were taken with them.
  for (let i = 0; i < numParameters; i += 1) state.secondMoments[i] = state.firstMoments[i]! ** 2;
  return { ...state, best: null };
}

it('updates as the inline work does, bit for bit, whatever the optimizer, the groups and the limits', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(adam, sgd) as fc.Arbitrary<OptimizerSpec>,
      ranges,
      clip,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 1e6 }),
      async (optimizer, shape, limits, weight, seed) => {
        const { numParameters, numTrained } = shape;
        const memory = StateMemory.ofLength(numParameters);
        const [inline, tasks] = [inlineStateWork(), new StateTasks()];
        const expected = stateOf(numParameters, (length) => new Float32Array(length));
        const state = stateOf(numParameters, (length) => memory.allocate(length));
        const numbers = new RandomSource(seed);
        for (let step = 1; step <= 2; step += 1) {
          const reduced = Float32Array.from(
            { length: numTrained + 4 },
            () => numbers.uniform() - 0.5,
          );
          const rated = shape.ranges.map((range, group) => ({
            ...range,
            scalars: updateScalars(optimizer, {
              step,
              learningRate: optimizer.learningRate / (1 + group),
              weightDecay: optimizer.weightDecay,
            }),
          }));
          const task: UpdateTask = { reduced, numTrained, weight, ranges: rated, clip: limits };
          const place = step === 1 ? memory.place : null;
          tasks.do({ kind: 'update', place, tensors: state, task });
          await inline.update(expected, { ...task, reduced: reduced.slice() });
        }
        expect(encodeSnapshot(state).hash).toBe(encodeSnapshot(expected).hash);
      },
    ),
    { numRuns: 40 },
  );
});

it('inspects, keeps, restarts, encodes and restores as the inline work does', async () => {
  await fc.assert(
    fc.asyncProperty(anyState, fc.float32Array({ maxLength: 9 }), async (state, reduced) => {
      const [inline, tasks] = [inlineStateWork(), new StateTasks()];
      const { ledger, round } = state;
      expect(tasks.do({ kind: 'inspect', reduced, ledger, round })).toEqual(
        await inline.inspect(reduced, ledger, round),
      );

      const snapshot = await inline.snapshot(state);
      expect(tasks.do({ kind: 'snapshot', state })).toEqual(snapshot);

      const { length } = state.parameters;
      const memory = StateMemory.ofLength(length);
      const { place } = memory;
      const given = tasks.do({ kind: 'restore', place, bytes: snapshot.bytes });
      const { state: restored, used } = given as { state: TrainingState; used: number };
      const adopted = memory.adopt(restored, used);
      expect(adopted).toEqual(state);
      expect(adopted.secondMoments.buffer).toBe(memory.buffer);
      if (adopted.best === null) {
        const kept = memory.allocate(length);
        tasks.do({ kind: 'copy', from: adopted.parameters, into: kept });
        expect(kept).toEqual(await inline.keep(state.parameters, undefined));
      }

      const parameters = adopted.best?.parameters ?? null;
      tasks.do({ kind: 'restart', tensors: adopted, parameters });
      adopted.statistics.set((adopted.best ?? adopted).statistics);
      await inline.restart(state, state.best);
      expect(adopted).toEqual(state);
    }),
  );
});

it('has room for one state and no more', () => {
  const memory = StateMemory.ofLength(5);
  const arrays = [1, 2, 3, 4].map(() => memory.allocate(5));
  arrays.forEach((array, index) => array.fill(index));
  expect(arrays.map((array) => array[4])).toEqual([0, 1, 2, 3]);
  expect(() => memory.allocate(5)).toThrow(
    'The memory of 4 arrays of 5 values has no room for 5 values.',
  );
  expect(() => StateMemory.ofLength(5).allocate(6)).toThrow(
    'The memory of 4 arrays of 5 values has no room for 6 values.',
  );
  expect(StateMemory.fits(268e6)).toBe(true);
  expect(StateMemory.fits(269e6)).toBe(false);
});
