import { describe, expect, it } from 'vitest';
import { weightsProblems } from '../../../src/config/weights-reference.js';

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
