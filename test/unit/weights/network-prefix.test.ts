import { describe, expect, test } from 'vitest';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { unprefixed } from '../../../src/models/weights/load-weights.js';
import { mismatchRemedy } from '../../../src/models/weights/mismatch-remedy.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import type { WeightsFile } from '../../../src/models/weights/read-weights.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';

const asked = { architecture: 'squeezenet1_1', width: 1 };
const tensors = randomWeights(describeNetwork(torchvisionSpec('squeezenet1_1', 1, 3)), 0);
const resnet = { architecture: 'resnet18', width: 1 };
const resnetTensors = randomWeights(describeNetwork(torchvisionSpec('resnet18', 1, 3)), 0);

const floats = (...shape: number[]): StoredTensor => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b, 1)),
});

function file(given: Iterable<readonly [string, StoredTensor]>): WeightsFile {
  const all = new Map(given);
  const types = new Map([...all.keys()].map((name) => [name, 'float32']));
  return { format: 'pth', tensors: all, types, metadata: new Map(), notes: [] };
}

const under = (prefix: string, given = resnetTensors) =>
  [...given].map(([name, tensor]) => [`${prefix}${name}`, tensor] as const);

describe('a prefix of all names', () => {
  test.each(['encoder.', 'backbone.', 'net.', 'learner.model.net.'])(
    '%s is taken off',
    (prefix) => {
      const { tensors: taken, types, notes } = unprefixed(file(under(prefix)), resnet);
      expect([...taken]).toEqual([...resnetTensors]);
      expect([...types.keys()]).toEqual([...resnetTensors.keys()]);
      expect(notes).toEqual([`${prefix} was taken off the names.`]);
    },
  );

  test('is found where no network was asked for', () => {
    expect(unprefixed(file(under('encoder.', tensors))).tensors.size).toBe(tensors.size);
  });

  test('that the network itself has is left', () => {
    expect(unprefixed(file(tensors), asked).notes).toEqual([]);
  });

  test('is left where the rest is no network of ours', () => {
    const changed = file([...under('encoder.'), ['encoder.extra.weight', floats(1)]]);
    expect(unprefixed(changed, resnet)).toBe(changed);
  });
});

describe('a classifier outside of the prefix', () => {
  const backbone = [...resnetTensors].filter(([name]) => !name.startsWith('fc.'));

  test("of the network's own name is kept", () => {
    const fc = [...resnetTensors].filter(([name]) => name.startsWith('fc.'));
    const { tensors: taken, notes } = unprefixed(
      file([...under('encoder.', new Map(backbone)), ...fc]),
      resnet,
    );
    expect(new Map(taken)).toEqual(resnetTensors);
    expect(notes).toEqual(['encoder. was taken off the names.']);
  });

  test('of another name is left out, and that is said', () => {
    const head = [
      ['head.weight', floats(5, 512)],
      ['head.bias', floats(5)],
    ] as const;
    const { tensors: taken, notes } = unprefixed(
      file([...under('encoder.', new Map(backbone)), ...head]),
      resnet,
    );
    expect(new Map(taken)).toEqual(new Map(backbone));
    expect(notes).toEqual([
      'encoder. was taken off the names.',
      'Not looked at: head.weight, head.bias, a classifier.',
    ]);
  });

  test('is told from other tensors, with which nothing is taken off', () => {
    const more = file([
      ...under('encoder.', new Map(backbone)),
      ['projector.weight', floats(5, 512)],
      ['projector.bias', floats(7)],
    ]);
    expect(unprefixed(more, resnet)).toBe(more);
  });
});

describe('the remedy for weights that do not fit', () => {
  const remedy = (given: WeightsFile, network = resnet) =>
    mismatchRemedy(given.tensors, { label: 'w.pth', format: given.format, ...network });

  test('is the architecture that they do fit', () => {
    expect(remedy(file(tensors))).toBe(
      'The weights are those of squeezenet1_1: set `model.architecture` to squeezenet1_1.',
    );
  });

  test('is to save the part under a prefix that is a network', () => {
    const given = file([...under('backbone.'), ['projector.0.weight', floats(2)]]);
    expect(remedy(given)).toBe(
      "The network is there, under backbone. and beside other tensors: save it alone, in Python: `torch.save({k.removeprefix('backbone.'): v for k, v in state_dict.items() if k.startswith('backbone.')}, PATH)`.",
    );
  });

  test('of an ONNX export with folded batch norm is to use it as model.onnx', () => {
    const given = file([
      ['fc.weight', floats(3, 512)],
      ['onnx::Conv_193', floats(64, 3, 7, 7)],
      ['onnx::Conv_194', floats(64)],
    ]);
    expect(remedy({ ...given, format: 'onnx' })).toContain(
      'name the file as `model.onnx`, in place of `model.architecture` and `model.weights`',
    );
  });

  test('of a changed network tells how much of it is there', () => {
    const changed = file([...resnetTensors, ['extra.weight', floats(1)]]);
    expect(remedy(changed)).toMatch(/^(\d+) of the \1 tensors of resnet18 are there/);
  });

  test('of a network of another kind is no architecture of ours', () => {
    const other = remedy(file([['blocks.0.attn.qkv.weight', floats(2, 2)]]));
    expect(other).toContain('The weights are of no network that ftctl has');
    expect(other).not.toContain('model.architecture');
  });
});
