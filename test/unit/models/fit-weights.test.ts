import { expect, test } from 'vitest';
import type { FtctlError } from '../../../src/errors/index.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { numElements, stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { fitWeights } from '../../../src/models/weights/fit-weights.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';

const specs = stateDictSpecs(describeNetwork(torchvisionSpec('resnet18', 1, 3)));
const options = { label: 'w.safetensors', network: 'resnet18' };

function zeros(): Map<string, StoredTensor> {
  return new Map(
    specs.map(({ name, shape, role }) => [
      name,
      {
        shape,
        data: role === 'counter' ? BigInt64Array.of(3n) : new Float32Array(numElements(shape)),
      },
    ]),
  );
}

function failure(given: Map<string, StoredTensor>, ignored = new Set<string>()): FtctlError {
  try {
    fitWeights(specs, given, { ...options, ignored });
  } catch (error) {
    return error as FtctlError;
  }
  throw new Error('it fits');
}

test('fitting tensors come in the order of the state dict, whatever order they had', () => {
  const reversed = new Map([...zeros()].reverse());
  const fitted = fitWeights(specs, reversed, options);
  expect([...fitted.keys()]).toEqual(specs.map(({ name }) => name));
});

test('a counter that old files lack is zero', () => {
  const given = zeros();
  given.delete('bn1.num_batches_tracked');
  const fitted = fitWeights(specs, given, options);
  expect(fitted.get('bn1.num_batches_tracked')!.data).toEqual(BigInt64Array.of(0n));
  expect(fitted.get('layer1.0.bn1.num_batches_tracked')!.data).toEqual(BigInt64Array.of(3n));
});

test('missing, unexpected and misshaped tensors are shown side by side with the nearest names', () => {
  const given = zeros();
  const conv = given.get('layer1.0.conv1.weight')!;
  given.delete('layer1.0.conv1.weight');
  given.set('layer1.0.convl.weight', conv);
  given.set('fc.weight', { shape: [1000, 512], data: new Float32Array(512000) });
  const error = failure(given);
  expect(error.code).toBe('FT_WEIGHTS_MISMATCH');
  expect(error.message).toBe(
    [
      'w.safetensors does not fit resnet18: 1 tensor is missing, 1 is unexpected, 1 has another shape or type.',
      '  network: layer1.0.conv1.weight [64, 64, 3, 3] | weights: missing, nearest: layer1.0.convl.weight',
      '  network: none, nearest: layer1.0.conv1.weight | weights: layer1.0.convl.weight [64, 64, 3, 3]',
      '  network: fc.weight [3, 512] | weights: [1000, 512]',
    ].join('\n'),
  );
  expect(error.details).toEqual({
    file: 'w.safetensors',
    missing: ['layer1.0.conv1.weight'],
    unexpected: ['layer1.0.convl.weight'],
    misshaped: [{ name: 'fc.weight', expected: [3, 512], actual: [1000, 512] }],
  });
});

test('names are not compared with those of a network that has nothing in common', () => {
  const given = new Map([['blocks.0.conv1.weight', { shape: [1], data: new Float32Array(1) }]]);
  const { message } = failure(given);
  expect(message).not.toContain('nearest');
  expect(message).toMatch(
    /^w.safetensors does not fit resnet18: \d+ tensors are missing, 1 is unexpected.\n/,
  );
});

test('the message shows ten of each kind, the details all', () => {
  const error = failure(new Map());
  const numParameters = specs.filter(({ role }) => role !== 'counter').length;
  expect(error.message.split('\n')).toHaveLength(1 + 10 + 1);
  expect(error.message).toContain(`  ... and ${numParameters - 10} more`);
  expect(error.details!['missing']).toHaveLength(numParameters);
});

test('an ignored name may be there in any shape', () => {
  const given = zeros();
  given.set('fc.extra', { shape: [2], data: new Float32Array(2) });
  expect(failure(given).code).toBe('FT_WEIGHTS_MISMATCH');
  expect(
    fitWeights(specs, given, { ...options, ignored: new Set(['fc.extra']) }).has('fc.extra'),
  ).toBe(false);
});

test('a weight that is not finite is refused', () => {
  const given = zeros();
  (given.get('layer2.0.bn1.bias')!.data as Float32Array)[5] = NaN;
  const error = failure(given);
  expect(error.code).toBe('FT_WEIGHTS_DAMAGED');
  expect(error.message).toBe(
    'w.safetensors has a value that no network can have: element 5 of layer2.0.bn1.bias is NaN. A weight is finite.',
  );
  expect(error.remedy).toBe(
    'Use another checkpoint: a training that diverged leaves such values, in an intact file.',
  );
});

test('a negative variance is refused', () => {
  const given = zeros();
  (given.get('bn1.running_var')!.data as Float32Array)[0] = -1;
  expect(failure(given).message).toBe(
    'w.safetensors has a value that no network can have: element 0 of bn1.running_var is -1. A variance is finite and not negative.',
  );
});
