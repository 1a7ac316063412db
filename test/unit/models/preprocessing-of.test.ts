import { describe, expect, test } from 'vitest';
import { preprocessingOf } from '../../../src/models/preprocessing-of.js';

const nsfwjs = 'npm:nsfwjs@4.4.0#mobilenet_v2_mid';

describe('preprocessing', () => {
  const options = { imageSize: 64, background: [255, 255, 255], normalise: null } as const;
  const spec = { architecture: 'x', width: 1, weights: 'random', integrity: null };

  test("is ImageNet's for torchvision's weights", () => {
    expect(preprocessingOf(spec, options)).toEqual({
      imageSize: 64,
      resizeSide: 64,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      background: [255, 255, 255],
    });
  });

  test("is pixels / 255 for nsfwjs' network", () => {
    const { mean, std } = preprocessingOf({ ...spec, weights: nsfwjs, integrity: 'x' }, options);
    expect([mean, std]).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
  });

  const other = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
  const published: [string, object, string][] = [
    [
      "nsfwjs'",
      { weights: nsfwjs, integrity: 'x' },
      `The weights of ${nsfwjs} need mean [0, 0, 0] and std [1, 1, 1].`,
    ],
    ...['torchvision:resnet18', 'pretrained'].map((weights): [string, object, string] => [
      `torchvision's (${weights})`,
      { architecture: 'resnet18', weights },
      `The weights of ${weights} need mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225].`,
    ]),
    [
      "torchvision's file by its URL",
      {
        weights: 'https://download.pytorch.org/models/resnet18-f37072fd.pth',
        integrity: 'ab'.repeat(32),
      },
      'The weights of https://download.pytorch.org/models/resnet18-f37072fd.pth need mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225].',
    ],
  ];
  test.each(published)('of %s weights is known, and another one refused', (_, of, why) => {
    const model = { ...spec, ...of };
    expect(() => preprocessingOf(model, { ...options, normalise: other })).toThrow(
      expect.objectContaining({
        code: 'FT_WEIGHTS_PREPROCESSING',
        message: `The run normalises images with mean [0.5, 0.5, 0.5] and std [0.25, 0.25, 0.25]. ${why}`,
      }),
    );
    const { mean, std } = preprocessingOf(model, options);
    expect(preprocessingOf(model, { ...options, normalise: { mean, std } })).toEqual(
      preprocessingOf(model, options),
    );
  });

  test.each([
    { weights: '/m/resnet18-f37072fd.pth' },
    { weights: 'https://example.org/resnet18-f37072fd.pth', integrity: 'ab'.repeat(32) },
    { weights: 'npm:other@1.0.0#net.pth', integrity: 'x' },
  ])('of weights that may be of any training is what is set: $weights', (of) => {
    const set = preprocessingOf({ ...spec, ...of }, { ...options, normalise: other });
    expect(set).toMatchObject(other);
  });

  test('can be overridden', () => {
    const normalise = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;
    expect(preprocessingOf(spec, { ...options, normalise })).toMatchObject(normalise);
  });

  test('of a tfjs file is nowhere said, so that it must be set', () => {
    const file = { ...spec, weights: '/m/model.json' };
    expect(() => preprocessingOf(file, options)).toThrow(
      expect.objectContaining({
        code: 'FT_WEIGHTS_SOURCE',
        message:
          'model.weights is "/m/model.json". A tfjs model does not say how its images were normalised.',
      }),
    );
    const normalise = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
    expect(preprocessingOf(file, { ...options, normalise })).toMatchObject(normalise);
  });
});
