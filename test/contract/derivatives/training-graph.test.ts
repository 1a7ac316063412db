import { describe, expect, test } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import {
  trainingGraph,
  trainingGraphInputs,
} from '../../../src/models/derivatives/training-graph.js';
import { torchDefault } from '../../../src/models/initialisation.js';
import { imagesName, type Layer, type Network } from '../../../src/models/network.js';
import { NetworkCase, type NetworkCaseOptions } from './support/network-case.js';

const conv = (name: string, input: string, inChannels: number, stride: number): Layer => ({
  ...{ kind: 'conv2d', name, inputs: [input], inChannels, outChannels: 4 },
  ...{ kernel: [3, 3], stride: [stride, stride], dilation: [1, 1], groups: 1, bias: false },
  padding: { top: 1, left: 1, bottom: 1, right: 1 },
});
const norm = (name: string, input: string): Layer => ({
  ...{ kind: 'batchNorm', name, inputs: [input], channels: 4, epsilon: 1e-2, momentum: 0.1 },
});
const linear = (name: string, input: string, inFeatures: number): Layer => ({
  ...{ kind: 'linear', name, inputs: [input], inFeatures, outFeatures: 3, bias: true },
});

/** Two stages, a connection around the second, a classifier, and an auxiliary one of the first stage. */
const network: Network = {
  layers: [
    conv('stem', imagesName, 3, 2),
    { kind: 'relu', name: 'first', inputs: ['stem'] },
    // Its window takes images of 9 pixels and more.
    {
      ...{ kind: 'avgPool', name: 'aux.pool', inputs: ['first'], kernel: [5, 5], stride: [1, 1] },
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      countIncludePad: true,
    },
    { kind: 'adaptiveAvgPool', name: 'aux.whole', inputs: ['aux.pool'], outputSize: [1, 1] },
    { kind: 'flatten', name: 'aux.flat', inputs: ['aux.whole'] },
    linear('aux.fc', 'aux.flat', 4),
    conv('second', 'first', 4, 1),
    norm('norm', 'second'),
    conv('third', 'norm', 4, 1),
    norm('last', 'third'),
    { kind: 'add', name: 'sum', inputs: ['last', 'first'] },
    { kind: 'adaptiveAvgPool', name: 'pool', inputs: ['sum'], outputSize: [1, 1] },
    { kind: 'dropout', name: 'drop', inputs: ['pool'], probability: 0.5 },
    { kind: 'flatten', name: 'flat', inputs: ['drop'] },
    linear('fc', 'flat', 4),
  ],
  inputChannels: 3,
  classifier: 'fc',
  output: 'fc',
  auxiliaryClassifiers: ['aux.fc'],
  containers: new Map(),
  initialisation: { conv2d: torchDefault, linear: torchDefault },
};

const classifier = ['fc.weight', 'fc.bias'];
const everything = [
  ...['stem.weight', 'aux.fc.weight', 'aux.fc.bias', 'second.weight', 'norm.weight', 'norm.bias'],
  ...['third.weight', 'last.weight', 'last.bias', ...classifier],
];

function caseOf(trained: readonly string[], options: Partial<NetworkCaseOptions> = {}) {
  return new NetworkCase({
    ...{ network, imageSize: 12, trained: new Set(trained), batchNorm: 'shard' },
    ...{ counts: [3, 1], rowsPerShard: 3, seed: 1 },
    ...options,
  });
}

const inputsOf = (network: NetworkCase, pass: 'gradient' | 'evaluation') => {
  const { state, ...rest } = trainingGraphInputs(network.graphOptions(2, pass));
  return { state: state.map(({ name }) => name), ...rest };
};

describe('the inputs of a training graph', () => {
  test('are in a gradient pass what is trained, masks, and whether rows count', () => {
    const inputs = inputsOf(caseOf(everything), 'gradient');
    expect(inputs.state.toSorted()).toEqual(everything.toSorted());
    expect(inputs.dropout).toEqual([{ layer: 'drop', shape: [4, 1, 1] }]);
    expect(inputs.hasRowMask).toBe(true);
  });

  test('have in an evaluation the running statistics that move, but neither masks nor what auxiliary classifiers have', () => {
    const inputs = inputsOf(caseOf(everything), 'evaluation');
    const statistics = ['norm', 'last'].flatMap((name) => [
      `${name}.running_mean`,
      `${name}.running_var`,
    ]);
    const ofMain = everything.filter((name) => !name.startsWith('aux.'));
    expect(inputs.state.toSorted()).toEqual([...ofMain, ...statistics].toSorted());
    expect(inputs.dropout).toEqual([]);
    expect(inputs.hasRowMask).toBe(false);
  });

  test('are without rows that count where no batch norm is trained, whatever the phase says', () => {
    const inputs = inputsOf(caseOf(['third.weight', ...classifier]), 'gradient');
    expect(inputs.state).toEqual(['third.weight', ...classifier]);
    expect(inputs.hasRowMask).toBe(false);
  });
});

describe('the outputs of a training graph', () => {
  test('are the gradients of what is trained, and statistics of the batch norms among it', async () => {
    const outputs = await caseOf(['last.bias', ...classifier]).run([0, 1]);
    expect(Object.keys(outputs).toSorted()).toEqual(
      [
        ...['losses', 'correct', 'batch_mean/last', 'batch_var/last'],
        ...['gradient/last.bias', 'gradient/fc.weight', 'gradient/fc.bias'],
      ].toSorted(),
    );
    expect(outputs['batch_mean/last']).toHaveLength(2 * 4);
  });

  test('are loss and correct rows alone in an evaluation', async () => {
    const outputs = await caseOf(everything).run([0, 1], 'evaluation');
    expect(Object.keys(outputs).toSorted()).toEqual(['correct', 'losses']);
  });

  test('do not depend on the place of a boundary among the features', async () => {
    // The second stage's part is between the connection around it and the classifier.
    const network = caseOf(['third.weight', ...classifier], { batchNorm: 'frozen' });
    expect(network.boundaries).toEqual(['first', 'norm']);
    const outputs = await network.run([0, 1]);
    for (const shard of [0, 1]) {
      expect(outputs['losses']![shard]).toBeCloseTo(network.loss(shard), 5);
    }
  });

  test('count the rows whose label has the largest logit, those of padding never', async () => {
    // Of a classifier that always says class 1.
    const network = caseOf(classifier, { counts: [3, 2] });
    network.tensors.get('fc.weight')!.data.fill(0);
    network.tensors.get('fc.bias')!.data.set([0, 1, 0]);
    const expected = [0, 1].map((s) => network.labels(s).filter((label) => label === 1).length);
    for (const pass of ['gradient', 'evaluation'] as const) {
      expect([...(await network.run([0, 1], pass))['correct']!]).toEqual(expected);
    }
    // Equal logits: the first class, which is no row of padding's either.
    network.tensors.get('fc.bias')!.data.fill(0);
    const first = [0, 1].map((s) => network.labels(s).filter((label) => label === 0).length);
    expect([...(await network.run([0, 1]))['correct']!]).toEqual(first);
  });

  test('are zero for a shard without rows, also with batch norm by its microbatch', async () => {
    const outputs = await caseOf(everything, { counts: [2, 0] }).run([1, 0]);
    for (const values of Object.values(outputs)) {
      const own = [...values.subarray(0, values.length / 2)];
      expect(own.map(Math.abs)).toEqual(own.map(() => 0));
      expect([...values].every(Number.isFinite)).toBe(true);
    }
  });
});

describe('an auxiliary classifier', () => {
  test('counts where a layer before it that is its own has moved', async () => {
    const withIt = caseOf(everything);
    const without = caseOf(everything.filter((name) => !name.startsWith('aux.')));
    const [a, b] = [await withIt.run([0]), await without.run([0])];
    expect(a['losses']![0]).toBeCloseTo(withIt.loss(0), 5);
    expect(b['losses']![0]).toBeCloseTo(without.loss(0), 5);
    expect(a['losses']![0]! - b['losses']![0]!).toBeGreaterThan(0.1);
    expect(a['gradient/stem.weight']).not.toEqual(b['gradient/stem.weight']);
  });

  test('needs images that are large enough for it, but not to evaluate', () => {
    const moved = new Set(everything);
    const options = {
      ...caseOf(everything).graphOptions(1, 'gradient'),
      ...{ imageSize: 8, moved, boundaries: [imagesName] },
    };
    const refused = () => trainingGraph(options);
    expect(refused).toThrow(FtctlError);
    expect(refused).toThrow(
      'Images of 8 x 8 pixels are too small for this network. The output of layer aux.pool would be 4 x 0 x 0; the smallest images that work have 9 x 9 pixels.',
    );
    expect(trainingGraph({ ...options, pass: 'evaluation' }).length).toBeGreaterThan(0);
  });
});
