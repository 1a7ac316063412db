import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headOf, initialAuxiliary, initialHead } from '../../../src/models/head.js';
import { replacedLayers, type Network } from '../../../src/models/network.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import { planPhases } from '../../../src/models/prepare-phases.js';
import {
  exportedTensors,
  frozenTensors,
  initialParameters,
  initialStatistics,
  stateTensors,
  statisticsLayout,
} from '../../../src/models/run-tensors.js';
import { layerTensors, stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import type { TensorSet } from '../../../src/models/weights/tensor-set.js';
import { randomNetwork } from '../../support/models/random-network.js';

const seed = 5;

/** What a run of the network is prepared with: pretrained tensors, new auxiliary classifiers and no classifier. */
function weightsOf(network: Network): TensorSet {
  const tensors = randomWeights(network, 1);
  for (const layer of replacedLayers(network)) {
    for (const { name } of layerTensors(layer)) tensors.delete(name);
  }
  return new Map([...tensors, ...initialAuxiliary(network, seed)]);
}

const batchNorm = fc.constantFrom('frozen' as const, 'shard' as const);

/** A network, prepared for random phases, with the state that they begin with. */
const runs = randomNetwork
  .chain((network) => {
    const entries = ['head', 'all', ...network.layers.map(({ name }) => name)];
    const train = fc.subarray(entries, { minLength: 1, maxLength: 2 });
    const phase = fc.record({ train, except: fc.constant([]), batchNorm });
    return fc.record({
      network: fc.constant(network),
      phases: fc.array(phase, { minLength: 1, maxLength: 3 }),
    });
  })
  .map(({ network, phases }) => {
    const prepared = {
      ...planPhases(network, 8, phases),
      ...{ head: headOf(network, 8), classifier: 'new' as const },
    };
    const weights = weightsOf(network);
    const parameters = initialParameters(prepared, weights, seed);
    const statistics = initialStatistics(prepared, weights);
    return { network, prepared, weights, state: { parameters, statistics } };
  });

/** `exportedTensors` asks for the phases alone, without what they were lowered to. */
const withBackbones = <T extends { phases: readonly object[] }>(prepared: T) => ({
  ...prepared,
  phases: prepared.phases.map((phase) => ({ ...phase, backboneSha256: '' })) as never[],
});

test('random phases: a state begins with the pretrained tensors and a drawn classifier', () => {
  fc.assert(
    fc.property(runs, ({ network, prepared, weights, state }) => {
      const head = headOf(network, 8);
      const drawn = initialHead(head, seed);
      const tensors = stateTensors(prepared, state);
      expect([...tensors.keys()].slice(0, prepared.parameters.length)).toEqual(
        prepared.parameters.map(({ name }) => name),
      );
      for (const [name, tensor] of tensors) {
        if (name === head.weightName) {
          expect([...tensor.data]).toEqual([...drawn.subarray(drawn.length - tensor.data.length)]);
        } else if (name === head.biasName) {
          expect([...tensor.data]).toEqual([...drawn.subarray(0, tensor.data.length)]);
        } else {
          expect(tensor).toEqual(weights.get(name));
        }
      }
    }),
  );
});

test('random phases: every tensor of the network is in the state or frozen, and none in both', () => {
  fc.assert(
    fc.property(runs, ({ network, prepared, weights, state }) => {
      const moved = [...stateTensors(prepared, state).keys()];
      const frozen = [...frozenTensors(prepared, weights).keys()];
      const all = stateDictSpecs(network).map(({ name }) => name);
      expect([...moved, ...frozen].sort()).toEqual(all.sort());
    }),
  );
});

test('random phases: what is exported has moved exactly where a phase has moved it', () => {
  fc.assert(
    fc.property(runs, ({ network, prepared, weights, state }) => {
      const parameters = state.parameters.map((value) => value + 1);
      const statistics = state.statistics.map((value) => value + 1);
      const updates = prepared.phases.map((_, i) => 10 ** i);
      const after = exportedTensors(
        withBackbones(prepared),
        weights,
        { parameters, statistics },
        updates,
      );
      const before = new Map([...weights, ...stateTensors(prepared, state)]);
      const trained = new Set(prepared.phases.flatMap((phase) => phase.trained));
      const normalised = new Set(prepared.phases.flatMap((phase) => phase.statistics));
      for (const { name, shape, role } of stateDictSpecs(network)) {
        const layer = name.slice(0, name.lastIndexOf('.'));
        const { data, shape: exported } = after.get(name)!;
        expect(exported).toEqual(shape);
        if (role === 'counter') {
          const counts = prepared.phases.map((phase, i) =>
            phase.statistics.includes(layer) ? updates[i]! : 0,
          );
          expect(data).toEqual(BigInt64Array.of(BigInt(counts.reduce((a, b) => a + b, 0))));
          continue;
        }
        const hasMoved = role === 'parameter' ? trained.has(name) : normalised.has(layer);
        const values = before.get(name)!.data as Float32Array;
        expect(data).toEqual(hasMoved ? values.map((value) => value + 1) : values);
      }
      expect(after.size).toBe(stateDictSpecs(network).length);
    }),
  );
});

describe('a state', () => {
  const statistics = [
    { layer: 'a', channels: 2, momentum: 0.1 },
    { layer: 'b', channels: 3, momentum: 0.1 },
  ];

  test('has for each batch norm its mean, then its variance', () => {
    expect(statisticsLayout(statistics)).toEqual([
      { ...statistics[0], offset: 0 },
      { ...statistics[1], offset: 4 },
    ]);
    const state = {
      parameters: new Float32Array(0),
      statistics: Float32Array.from({ length: 10 }, (_, i) => i),
    };
    const tensors = stateTensors({ parameters: [], statistics }, state);
    expect([...tensors].map(([name, { data }]) => [name, ...data])).toEqual([
      ['a.running_mean', 0, 1],
      ['a.running_var', 2, 3],
      ['b.running_mean', 4, 5, 6],
      ['b.running_var', 7, 8, 9],
    ]);
  });

  test('of another length is a bug', () => {
    const parameters = [{ name: 'fc.bias', shape: [3] }];
    expect(parameterLayout(parameters).length).toBe(3);
    const state = { parameters: new Float32Array(3), statistics: new Float32Array(9) };
    expect(() => stateTensors({ parameters, statistics }, state)).toThrow(
      'a state of 3 and 10 values has 3 and 9',
    );
  });

  test('begins with a classifier that is kept', () => {
    const head = {
      kind: 'linear',
      ...{ weightName: 'fc.weight', biasName: 'fc.bias', numFeatures: 2, numClasses: 1 },
    } as const;
    const parameters = [
      { name: 'fc.bias', shape: [1] },
      { name: 'fc.weight', shape: [1, 2] },
    ];
    const weights = new Map([
      ['fc.weight', { shape: [1, 2], data: Float32Array.of(1, 2) }],
      ['fc.bias', { shape: [1], data: Float32Array.of(3) }],
    ]);
    const kept = { parameters, head, classifier: 'kept' } as const;
    expect([...initialParameters(kept, weights, seed)]).toEqual([3, 1, 2]);
    expect(() => initialParameters(kept, new Map(), seed)).toThrow('no float32 tensor fc.bias');
    expect(initialParameters({ ...kept, classifier: 'new' }, weights, seed)).toEqual(
      initialHead(head, seed),
    );
  });
});
