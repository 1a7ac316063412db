import { expect, test } from 'vitest';
import { torchvisionNames } from '../../../src/models/weights/state-dict-names.js';

function names(...given: readonly string[]) {
  const tensors = new Map(
    given.map((name, i) => [name, { shape: [1], data: Float32Array.of(i) }] as const),
  );
  const { tensors: renamed, oldNames, notes } = torchvisionNames(tensors);
  return {
    names: [...renamed].map(([name, { data }]) => [name, Number(data[0])]),
    oldNames: Object.fromEntries(oldNames),
    notes,
  };
}

test("today's names stay as they are", () => {
  const { names: kept, notes } = names('conv1.weight', 'layer1.0.bn1.running_mean');
  expect(kept).toEqual([
    ['conv1.weight', 0],
    ['layer1.0.bn1.running_mean', 1],
  ]);
  expect(notes).toEqual([]);
});

test('what wrappers put before all names is taken off, one after the other', () => {
  expect(names('module._orig_mod.fc.weight', 'module._orig_mod.fc.bias')).toEqual({
    names: [
      ['fc.weight', 0],
      ['fc.bias', 1],
    ],
    oldNames: {
      'fc.weight': 'module._orig_mod.fc.weight',
      'fc.bias': 'module._orig_mod.fc.bias',
    },
    notes: ['module. was taken off the names.', '_orig_mod. was taken off the names.'],
  });
});

test('what stands before some names alone is a part of them', () => {
  expect(names('module.a', 'b').notes).toEqual([]);
});

test("the counter of an averaged model is dropped with the wrapper's name", () => {
  expect(names('n_averaged', 'module.a').names).toEqual([['a', 1]]);
});

test('norm.1 of old densenets is norm1', () => {
  const { names: today, notes } = names(
    'features.denseblock1.denselayer1.norm.1.running_var',
    'features.denseblock1.denselayer12.conv.2.weight',
    'features.transition1.norm.weight',
  );
  expect(today.map(([name]) => name)).toEqual([
    'features.denseblock1.denselayer1.norm1.running_var',
    'features.denseblock1.denselayer12.conv2.weight',
    'features.transition1.norm.weight',
  ]);
  expect(notes).toEqual(['The names are those of old densenets (norm.1) and were read as norm1.']);
});

test('old names stay where the new ones are there as well', () => {
  const both = ['x.denselayer1.norm.1.bias', 'x.denselayer1.norm1.bias'];
  expect(names(...both).names.map(([name]) => name)).toEqual(both);
});
