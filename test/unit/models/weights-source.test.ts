import { describe, expect, test } from 'vitest';
import { preprocessingOf } from '../../../src/models/preprocessing-of.js';
import { weightsSource } from '../../../src/models/weights/weights-source.js';

const nsfwjs = 'npm:nsfwjs@4.4.0#mobilenet_v2_mid';

describe('a source of weights', () => {
  test('is random, a file, or a package', () => {
    expect(weightsSource({ weights: 'random', integrity: null })).toEqual({ type: 'random' });
    expect(weightsSource({ weights: '/a/b.safetensors', integrity: null })).toEqual({
      type: 'safetensors',
      path: '/a/b.safetensors',
    });
    expect(weightsSource({ weights: nsfwjs, integrity: 'sha512-x' })).toEqual({
      type: 'nsfwjs',
      name: 'nsfwjs',
      version: '4.4.0',
      integrity: 'sha512-x',
    });
  });

  const refused: [string, string | null, string][] = [
    [
      '/a/b.pth',
      null,
      'model.weights is "/a/b.pth". A file of weights must be a .safetensors file.',
    ],
    [
      nsfwjs,
      null,
      `model.weights is "${nsfwjs}". An npm source needs model.integrity: the tarball's sha512.`,
    ],
    [
      'npm:nsfwjs@4.4.0#inception_v3',
      'sha512-x',
      'model.weights is "npm:nsfwjs@4.4.0#inception_v3". The npm package whose weights ftctl reads is nsfwjs (#mobilenet_v2_mid).',
    ],
    [
      'npm:nsfwjs',
      'sha512-x',
      'model.weights is "npm:nsfwjs". An npm source is written npm:NAME@VERSION#MODEL.',
    ],
  ];
  for (const [weights, integrity, message] of refused) {
    test(`that is ${weights} (${integrity ?? 'not pinned'}) is refused`, () => {
      expect(() => weightsSource({ weights, integrity })).toThrow(
        expect.objectContaining({ code: 'FT_WEIGHTS_SOURCE', message }),
      );
    });
  }
});

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
});
