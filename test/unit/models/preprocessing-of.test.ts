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
