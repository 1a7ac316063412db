import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { imagesName, type Network } from '../../../src/models/network.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import {
  boundariesOf,
  layersBehind,
  lossOutputs,
  matchesParameter,
  movedBefore,
  phaseSuffix,
  resolveTrained,
  trainedBatchNorms,
} from '../../../src/models/split-point.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { randomNetwork } from '../../support/models/random-network.js';

const networkOf = (name: string) => describeNetwork(torchvisionSpec(name, 1, 10));

const parameters = (network: Network): string[] =>
  stateDictSpecs(network).flatMap(({ name, role }) => (role === 'parameter' ? name : []));

const layerOf = (parameter: string): string => parameter.replace(/\.(weight|bias)$/, '');

describe('a pattern means', () => {
  test('what lies in a layer or module', () => {
    expect(matchesParameter('layer4.0.conv1.weight', 'layer4')).toBe(true);
    expect(matchesParameter('layer4.0.conv1.weight', 'layer4.0.conv1')).toBe(true);
    expect(matchesParameter('layer4.0.conv1.weight', 'layer')).toBe(false);
    expect(matchesParameter('layer40.weight', 'layer4')).toBe(false);
    expect(matchesParameter('fc.weight', '')).toBe(false);
  });

  test('with * or ? in it, or a tensor at its end, whole names of parameters', () => {
    expect(matchesParameter('layer4.0.bn1.weight', '*.bn?.weight')).toBe(true);
    expect(matchesParameter('layer4.0.bn1.bias', '*.bn?.weight')).toBe(false);
    expect(matchesParameter('layer4.0.bn10.weight', '*.bn?.weight')).toBe(false);
    expect(matchesParameter('bn1.weight', '*.bn?.weight')).toBe(false);
    expect(matchesParameter('fc.weight', 'fc.weight')).toBe(true);
    expect(matchesParameter('fcxweight', 'fc.weight')).toBe(false);
    expect(matchesParameter('fc.weight', 'fc.*')).toBe(true);
    expect(matchesParameter('a(b.weight', 'a(*')).toBe(true);
  });
});

describe('what is trained at a split point', () => {
  const resnet = networkOf('resnet18');
  const trained = (train: readonly string[], except: readonly string[] = []) =>
    resolveTrained(resnet, { train, except });

  test('head: the classifier', () => {
    expect(trained(['head'])).toEqual(['fc.bias', 'fc.weight']);
    expect(resolveTrained(networkOf('inception_v3'), { train: ['head'], except: [] })).toEqual([
      'fc.bias',
      'fc.weight',
    ]);
  });

  test('all: each parameter, sorted by name', () => {
    expect(trained(['all'])).toEqual(parameters(resnet).sort());
  });

  test('a layer, with what depends on it and no shortcut beside it', () => {
    const names = trained(['layer4.0.conv2']);
    expect(names).toContain('layer4.0.bn2.weight');
    expect(names).toContain('layer4.1.conv1.weight');
    expect(names).toContain('fc.weight');
    expect(names).not.toContain('layer4.0.downsample.0.weight');
    expect(names).not.toContain('layer4.0.conv1.weight');
  });

  test('a layer without parameters brings what follows it', () => {
    expect(trained(['avgpool'])).toEqual(['fc.bias', 'fc.weight']);
  });

  test('a glob brings nothing but the classifier', () => {
    const names = trained(['layer1.*.bn?.weight', 'conv1.weight']);
    expect(names).toEqual(
      [
        'conv1.weight',
        ...['fc.bias', 'fc.weight'],
        ...[0, 1].flatMap((i) => [`layer1.${i}.bn1.weight`, `layer1.${i}.bn2.weight`]),
      ].sort(),
    );
  });

  test('less exceptions, of which the classifier is none', () => {
    expect(trained(['layer4.1'], ['*.bn?.*', 'layer4.1.conv1'])).toEqual([
      'fc.bias',
      'fc.weight',
      'layer4.1.conv2.weight',
    ]);
    expect(trained(['all'], ['*'])).toEqual(['fc.bias', 'fc.weight']);
    expect(() => trained(['all'], ['fc.bias'])).toThrow(
      expect.objectContaining({
        code: 'FT_MODEL_LAYER',
        message:
          'fc.bias is the classifier, which cannot be left out of the training. It is a new one, of the classes of the run.',
      }),
    );
  });

  test('the auxiliary classifier with the layers before it', () => {
    const inception = networkOf('inception_v3');
    const of = (layer: string) => resolveTrained(inception, { train: [layer], except: [] });
    expect(of('Mixed_7a')).not.toContain('AuxLogits.fc.weight');
    expect(of('Mixed_6e')).toContain('AuxLogits.fc.weight');
    expect(of('AuxLogits').filter((name) => !name.startsWith('AuxLogits.'))).toEqual([
      'fc.bias',
      'fc.weight',
    ]);
  });

  test.each([
    ['layer5', 'There is no layer "layer5" in this network. The nearest names are layer1, '],
    ['layer4.0.conv9.weight', 'There is no parameter "layer4.0.conv9.weight" in this network.'],
    ['*.bn9.*', 'There is no parameter "*.bn9.*" in this network.'],
    ['', 'There is no layer "" in this network.'],
  ])('and %j is refused', (name, message) => {
    for (const point of [
      { train: [name], except: [] },
      { train: ['all'], except: [name] },
    ]) {
      const resolve = () => resolveTrained(resnet, point);
      expect(resolve).toThrow(expect.objectContaining({ code: 'FT_MODEL_LAYER' }));
      expect(resolve).toThrow(message);
    }
  });

  test('and a layer without parameters is no exception', () => {
    expect(() => trained(['all'], ['avgpool'])).toThrow('avgpool has no parameters.');
  });
});

test('the batch norms that are trained are those with a trained parameter, sorted by name', () => {
  const names = (...trained: string[]) =>
    trainedBatchNorms(networkOf('resnet18'), trained).map(({ name }) => name);
  expect(names('layer4.1.bn2.bias', 'bn1.weight', 'layer1.0.conv1.weight')).toEqual([
    'bn1',
    'layer4.1.bn2',
  ]);
});

describe('the boundaries are', () => {
  const of = (name: string, ...moved: string[]) => {
    const network = networkOf(name);
    return boundariesOf(network, phaseSuffix(network, moved));
  };

  test('the layers that the suffix reads', () => {
    expect(of('resnet18', 'layer4.0.conv1.weight')).toEqual([
      'layer3.1.relu_1',
      'layer4.0.downsample.1',
    ]);
    expect(of('resnet18', 'fc.weight')).toEqual(['flatten']);
    expect(of('vgg11', 'classifier.6.weight')).toEqual(['classifier.5']);
  });

  test('the images, where the first layer moves', () => {
    expect(of('resnet18', 'conv1.weight')).toEqual(['images']);
    // The input transform before it has no weights, and is as large as the images.
    expect(of('inception_v3', 'Conv2d_1a_3x3.conv.weight')).toEqual(['images']);
  });

  test("several, of a suffix in two of the network's branches", () => {
    expect(of('inception_v3', 'Mixed_7c.branch1x1.conv.weight', 'AuxLogits.fc.weight')).toEqual([
      'AuxLogits.flatten',
      'Mixed_7b.cat_2',
      ...['Mixed_7c.cat', 'Mixed_7c.cat_1', 'Mixed_7c.branch_pool.relu'],
    ]);
  });

  test('not what a pool or a concatenation makes of others of them', () => {
    const weights = (module: string) =>
      parameters(networkOf('inception_v3')).filter((name) => matchesParameter(name, module));
    expect(of('inception_v3', ...weights('Mixed_7a'))).toEqual(['Mixed_6e.cat']);
    const behind = of('densenet121', 'features.denseblock4.denselayer3.norm1.weight');
    expect(behind).toEqual([
      'features.transition3.pool',
      'features.denseblock4.denselayer1.conv2',
      'features.denseblock4.denselayer2.conv2',
    ]);
  });
});

test("an auxiliary classifier's layers are in the suffix once a parameter of its own has moved", () => {
  const network = networkOf('inception_v3');
  const auxiliary = (...except: string[]) => {
    const trained = resolveTrained(network, { train: ['Mixed_6e'], except });
    return phaseSuffix(network, trained).filter(({ name }) => name.startsWith('AuxLogits'));
  };
  expect(auxiliary()).toHaveLength(10);
  expect(auxiliary('AuxLogits.fc')).toHaveLength(10);
  expect(auxiliary('AuxLogits')).toEqual([]);
});

/** A random network, and entries of `train` and `except` that it has. */
const networkAndPoint = randomNetwork.chain((network) => {
  const names = parameters(network);
  const classifier = names.filter((name) => layerOf(name) === network.classifier);
  const layers = network.layers.map(({ name }) => name);
  const modules = [...new Set(layers.map((name) => name.split('.')[0]!))];
  return fc.record({
    network: fc.constant(network),
    train: fc.array(fc.constantFrom('head', 'all', ...layers, ...modules, ...names, '*.weight'), {
      minLength: 1,
      maxLength: 3,
    }),
    except: fc.array(
      fc.constantFrom(...names.filter((name) => !classifier.includes(name)), '*.bias'),
      { maxLength: 3 },
    ),
  });
});

/** Whether `to` can be reached from `from` along the layers' inputs, by depth-first search. */
function reaches(network: Network, from: string, to: string): boolean {
  if (from === to) return true;
  const layer = network.layers.find(({ name }) => name === to);
  return layer?.inputs.some((input) => reaches(network, from, input)) ?? false;
}

test('random points: a parameter is trained if and only if it was declared', () => {
  fc.assert(
    fc.property(networkAndPoint, ({ network, train, except }) => {
      const trained = resolveTrained(network, { train, except });
      const expected = parameters(network).filter((name) => {
        const layer = layerOf(name);
        if (layer === network.classifier) return true;
        if (
          except.some((entry) => entry === name || (entry === '*.bias' && name.endsWith('.bias')))
        )
          return false;
        return train.some((entry) => {
          if (entry === 'all' || entry === name) return true;
          if (entry === '*.weight') return name.endsWith('.weight');
          return network.layers.some(
            (first) =>
              (first.name === entry || first.name.startsWith(`${entry}.`)) &&
              reaches(network, first.name, layer),
          );
        });
      });
      expect(trained).toEqual(expected.sort());
    }),
  );
});

test('random phases: nothing that moved is before the boundaries, and the suffix is computed of them', () => {
  const phases = randomNetwork.chain((network) =>
    fc.record({
      network: fc.constant(network),
      phases: fc.array(
        fc
          .subarray(parameters(network))
          .map((names) => ({ trained: [...names, `${network.classifier}.weight`] })),
        {
          minLength: 1,
          maxLength: 3,
        },
      ),
    }),
  );
  fc.assert(
    fc.property(phases, ({ network, phases }) => {
      for (const [i, phase] of phases.entries()) {
        const moved = new Set([...movedBefore(phases, i), ...phase.trained]);
        expect([...moved].sort()).toEqual(
          [...new Set(phases.slice(0, i + 1).flatMap(({ trained }) => trained))].sort(),
        );
        const suffix = phaseSuffix(network, moved);
        const boundaries = boundariesOf(network, suffix);
        const outputs = [network.output, ...network.auxiliaryClassifiers];
        const idle = [...moved].filter((name) =>
          outputs.every((output) => !reaches(network, layerOf(name), output)),
        );
        const known = new Set(boundaries);
        for (const boundary of boundaries) {
          for (const name of moved) expect(reaches(network, layerOf(name), boundary)).toBe(false);
        }
        const computed = layersBehind(network, boundaries, lossOutputs(network, moved));
        for (const layer of computed) {
          const { name, inputs, kind } = layer;
          for (const input of inputs) expect(known).toContain(input);
          known.add(name);
          expect(suffix.includes(layer) || !/conv|norm|linear|dropout/i.test(kind)).toBe(true);
        }
        expect(computed).toEqual(expect.arrayContaining(suffix));
        for (const name of moved) expect(known.has(layerOf(name))).toBe(!idle.includes(name));
        // No boundary is idle.
        for (const boundary of boundaries) {
          expect(computed.some(({ inputs }) => inputs.includes(boundary))).toBe(true);
        }
        expect(boundaries.indexOf(imagesName)).toBeLessThanOrEqual(0);
      }
    }),
  );
});
