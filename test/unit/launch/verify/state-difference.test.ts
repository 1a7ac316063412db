import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstStateDifference } from '../../../../src/launch/verify/state-difference.js';
import { parameterLayout } from '../../../../src/models/parameter-layout.js';
import type { TrainingState } from '../../../../src/state/training-state.js';
import { anyState, sampleState } from '../../../support/train/sample-state.js';

/** Of the sample state's 5 parameters and 2 statistics. */
const layout = {
  parameters: parameterLayout([
    { name: 'fc.weight', shape: [2, 2] },
    { name: 'fc.bias', shape: [1] },
  ]).entries,
  statistics: [
    { name: 'bn.running_mean', shape: [1], offset: 0, length: 1 },
    { name: 'bn.running_var', shape: [1], offset: 1, length: 1 },
  ],
};

function changed(change: (state: TrainingState) => void): TrainingState {
  const state = sampleState();
  change(state);
  return state;
}

const difference = (change: (state: TrainingState) => void) =>
  firstStateDifference(sampleState(), changed(change), layout);

describe('two states', () => {
  it('have no difference where they are equal, the running hash left out', () => {
    fc.assert(
      fc.property(anyState, (state) => {
        const copy = structuredClone(state);
        expect(firstStateDifference(state, { ...copy, ledger: 'f'.repeat(64) }, layout)).toBeNull();
      }),
    );
  });

  it('differ in the tensor and at the index of the first flipped bit', () => {
    const vectors = ['parameters', 'firstMoments', 'secondMoments'] as const;
    const flips = fc.record({
      vector: fc.constantFrom(...vectors),
      tensor: fc.constantFrom(...layout.parameters),
      bit: fc.integer({ min: 0, max: 31 }),
      place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      shape: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    });
    fc.assert(
      fc.property(flips, ({ vector, bit, place, shape: [rows, columns] }) => {
        const tensors = parameterLayout([
          { name: 'a', shape: [columns, rows, 2] },
          { name: 'b', shape: [rows] },
          { name: 'c', shape: [rows, columns] },
        ]);
        const values = Float32Array.from({ length: tensors.length }, (_, at) => at - 3.5);
        const of = (own: Float32Array): TrainingState => ({
          ...sampleState(),
          ...{ parameters: values, firstMoments: values, secondMoments: values },
          ...{ [vector]: own },
        });
        const at = Math.floor(place * tensors.length);
        const other = values.slice();
        new Uint32Array(other.buffer)[at]! ^= 1 << bit;
        // What lies behind it differs too, and is not the first.
        if (at + 1 < other.length) other[at + 1] = 1e6;
        const found = firstStateDifference(of(values), of(other), {
          ...layout,
          parameters: tensors.entries,
        });
        expect(found?.vector).toBe(vector);
        const tensor = tensors.entries.find(({ name }) => name === found?.name)!;
        expect(found?.index).toHaveLength(tensor.shape.length);
        const offset = found!.index!.reduce((sum, i, axis) => sum * tensor.shape[axis]! + i, 0);
        expect(tensor.offset + offset).toBe(at);
        const bitsAt = (array: Float32Array): string =>
          new Uint32Array(array.buffer)[at]!.toString(16).padStart(8, '0');
        expect(found?.values.map((value) => value?.bits)).toEqual([bitsAt(values), bitsAt(other)]);
      }),
    );
  });

  it('differ in a zero that has another sign, and say both', () => {
    expect(
      difference(({ parameters }) => {
        parameters[1] = 0; // fc.bias is element 0
      }),
    ).toEqual({
      ...{ vector: 'parameters', name: 'fc.weight', index: [0, 0] },
      values: [
        { text: '-0', bits: '80000000' },
        { text: '0', bits: '00000000' },
      ],
    });
  });

  it('differ in running statistics, and in those of the best epoch', () => {
    expect(difference(({ statistics }) => (statistics[1] = 2))).toMatchObject({
      ...{ vector: 'statistics', name: 'bn.running_var', index: [0] },
    });
    expect(difference(({ best }) => (best!.statistics[0] = 2))).toMatchObject({
      ...{ vector: 'best.statistics', name: 'bn.running_mean', index: [0] },
    });
    expect(difference(({ best }) => (best!.parameters[0] = 2))).toMatchObject({
      ...{ vector: 'best.parameters', name: 'fc.bias', index: [0] },
    });
  });

  it('differ in a number that is in no vector', () => {
    expect(
      difference(({ history }) => (history[0] = { ...history[0]!, valLoss: 0.1 + 0.2 })),
    ).toEqual({
      ...{ vector: null, name: 'history.0.valLoss', index: null },
      values: [
        { text: '-0', bits: '8000000000000000' },
        { text: '0.30000000000000004', bits: '3fd3333333333334' },
      ],
    });
    expect(difference((state) => (state.updates += 1))).toMatchObject({ name: 'updates' });
    expect(difference((state) => (state.test = null))).toMatchObject({
      name: 'test.loss',
      values: [{ text: '1.75' }, null],
    });
    expect(difference((state) => (state.best = null))).toMatchObject({ name: 'best.phase' });
    expect(difference(({ history }) => history.push({ ...history[0]!, epoch: 4 }))).toMatchObject({
      name: 'history.1.phase',
      values: [null, { text: '0' }],
    });
  });

  it('name the place alone where the network has no tensor there', () => {
    const none = { parameters: [], statistics: [] };
    const other = changed(({ parameters }) => {
      parameters[3] = 1;
    });
    expect(firstStateDifference(sampleState(), other, none)).toMatchObject({
      ...{ vector: 'parameters', name: 'no tensor of the network', index: [3] },
    });
  });
});
