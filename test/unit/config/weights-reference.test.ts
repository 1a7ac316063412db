import { describe, expect, it } from 'vitest';
import { resolvedRunReference, runReference } from '../../../src/config/run-reference.js';
import { isWeightsPath, weightsProblems } from '../../../src/config/weights-reference.js';

describe('a file of weights', () => {
  it.each(['w.pth.tar', 'w.ckpt', 'net.bin', 'epoch_90.weights', './checkpoint', 'runs/last'])(
    'may have any name, as its contents tell the format: %s',
    (weights) => {
      expect(weightsProblems(weights, null)).toEqual([]);
    },
  );

  it.each([
    'pretraind',
    'IMAGENET1K_V1',
    'torchvison:resnet18',
    'net.h5',
    'a/net.KERAS',
    's3://b/w.pth',
  ])('is not what is a mistyped word, or in a format that is not read: %s', (weights) => {
    expect(weightsProblems(weights, null).map(({ code }) => code)).toEqual([
      'FT_CONFIG_UNSUPPORTED',
    ]);
  });
});

describe("another run's weights", () => {
  it.each([
    ['run:flowers', { run: 'flowers', state: 'best' }],
    ['run:flowers@best', { run: 'flowers', state: 'best' }],
    ['run:flowers@final', { run: 'flowers', state: 'final' }],
    ['run:./runs/a@b', { run: './runs/a@b', state: 'best' }],
    ['run:./runs/a@b@final', { run: './runs/a@b', state: 'final' }],
  ])('are named by its id or folder: %s', (weights, reference) => {
    expect(runReference(weights)).toEqual(reference);
    expect(isWeightsPath(weights)).toBe(false);
    expect(weightsProblems(weights, null)).toEqual([]);
  });

  it.each(['run:', 'run:flowers@last', 'run:@final'])('are refused as %s', (weights) => {
    expect(weightsProblems(weights, null)).toEqual([
      {
        code: 'FT_CONFIG_INVALID_VALUE',
        path: ['model', 'weights'],
        what: `model.weights is ${weights}.`,
        why: "Another run's weights are named run:ID (its best epoch's) or run:ID@final.",
        remedy: 'See the ids with `ftctl runs`.',
      },
    ]);
  });

  it('need no hash', () => {
    expect(weightsProblems('run:flowers', 'sha512-A').map(({ path }) => path.join('.'))).toEqual([
      'model.integrity',
    ]);
  });

  it('of a relative folder are of an absolute one', () => {
    const resolve = (path: string) => `/there/${path}`;
    expect(resolvedRunReference('run:runs/a@final', resolve)).toBe('run:/there/runs/a@final');
    expect(resolvedRunReference('run:runs/a', resolve)).toBe('run:/there/runs/a');
    expect(resolvedRunReference('run:a', resolve)).toBe('run:a');
    expect(resolvedRunReference('random', resolve)).toBe('random');
  });
});
