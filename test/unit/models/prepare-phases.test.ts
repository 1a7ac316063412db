import { describe, expect, test } from 'vitest';
import { planPhases, type PhaseToPrepare } from '../../../src/models/prepare-phases.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';

const networkOf = (name: string) => describeNetwork(torchvisionSpec(name, 1, 10));

const phase = (...train: string[]): PhaseToPrepare => ({ train, except: [], batchNorm: 'frozen' });

describe('phases of a network', () => {
  const resnet = networkOf('resnet18');

  test('of which the first trains the classifier have the frozen network before it', () => {
    const { phases, parameters, statistics } = planPhases(resnet, 64, [
      phase('head'),
      phase('layer4'),
      phase('all'),
      phase('head'),
    ]);
    expect(
      phases.map(({ engine, boundaries, numFeatures }) => ({ engine, boundaries, numFeatures })),
    ).toEqual([
      { engine: 'head', boundaries: ['flatten'], numFeatures: 512 },
      { engine: 'network', boundaries: ['layer3.1.relu_1'], numFeatures: 256 * 4 * 4 },
      { engine: 'network', boundaries: ['images'], numFeatures: 3 * 64 * 64 },
      // What the phases before it moved is not frozen, though it does not move in this one.
      { engine: 'network', boundaries: ['images'], numFeatures: 3 * 64 * 64 },
    ]);
    expect(phases.map(({ trained }) => trained.length)).toEqual([2, 17, 62, 2]);
    expect(parameters.map(({ name }) => name)).toEqual(phases[2]!.trained);
    expect(parameters[0]).toEqual({ name: 'bn1.bias', shape: [64] });
    expect(statistics).toEqual([]);
  });

  test('move the statistics of the batch norms that they train, where they say so', () => {
    const { phases, statistics } = planPhases(resnet, 64, [
      phase('head'),
      { ...phase('layer4.1'), batchNorm: 'shard' },
      phase('layer4'),
    ]);
    expect(phases.map((planned) => planned.statistics)).toEqual([
      [],
      ['layer4.1.bn1', 'layer4.1.bn2'],
      [],
    ]);
    expect(statistics).toEqual([
      { layer: 'layer4.1.bn1', channels: 512, momentum: 0.1 },
      { layer: 'layer4.1.bn2', channels: 512, momentum: 0.1 },
    ]);
  });

  test('that end in two branches have the boundaries of both', () => {
    const { phases } = planPhases(networkOf('inception_v3'), 299, [phase('Mixed_7c', 'AuxLogits')]);
    expect(phases[0]).toMatchObject({
      boundaries: ['AuxLogits.avg_pool2d', 'Mixed_7b.cat_2'],
      // 768 maps of 5 x 5 and 2048 of 8 x 8.
      numFeatures: 768 * 5 ** 2 + 2048 * 8 ** 2,
    });
  });

  test('need images that an auxiliary classifier can be computed of, if it is trained', () => {
    const inception = networkOf('inception_v3');
    expect(() => planPhases(inception, 128, [phase('all')])).toThrow(
      expect.objectContaining({
        code: 'FT_MODEL_IMAGE_SIZE',
        details: { imageSize: 128, smallest: 299, layer: 'AuxLogits.conv1.conv' },
      }),
    );
    const { phases } = planPhases(inception, 128, [{ ...phase('all'), except: ['AuxLogits'] }]);
    expect(phases[0]!.boundaries).toEqual(['images']);
    expect(phases[0]!.trained.some((name) => name.startsWith('AuxLogits'))).toBe(false);
  });
});
