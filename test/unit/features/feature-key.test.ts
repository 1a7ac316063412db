import { describe, expect, it } from 'vitest';
import { plainParameters } from '../../../src/data/view-parameters.js';
import {
  featureKey,
  featureKeyPrefix,
  type FeatureKeyScope,
  widthKey,
} from '../../../src/features/feature-key.js';

const scope: FeatureKeyScope = {
  backboneSha256: 'b'.repeat(64),
  fingerprintHash: 'f'.repeat(64),
  preprocessing: {
    imageSize: 64,
    resizeSide: 64,
    mean: [0, 0, 0],
    std: [1, 1, 1],
    background: [255, 255, 255],
  },
  augmentVersion: 'augment-1',
};
const { preprocessing } = scope;

describe('a feature key', () => {
  it('is 32 bytes, and the same for the same row', () => {
    const prefix = featureKeyPrefix(scope);
    expect(featureKey(prefix, 'image', plainParameters)).toHaveLength(32);
    expect(featureKey(featureKeyPrefix({ ...scope }), 'image', { ...plainParameters })).toEqual(
      featureKey(prefix, 'image', plainParameters),
    );
    expect(widthKey(prefix)).toHaveLength(32);
  });

  it('changes with everything that can change a bit of the row', () => {
    const keys = [
      scope,
      { ...scope, backboneSha256: 'c'.repeat(64) },
      { ...scope, fingerprintHash: 'e'.repeat(64) },
      { ...scope, augmentVersion: 'augment-2' },
      { ...scope, preprocessing: { ...preprocessing, imageSize: 65 } },
      { ...scope, preprocessing: { ...preprocessing, mean: [0, 0, 0.1] as const } },
      { ...scope, preprocessing: { ...preprocessing, std: [1, 1, 0.1] as const } },
      { ...scope, preprocessing: { ...preprocessing, background: [255, 255, 254] as const } },
    ].map((other) => featureKey(featureKeyPrefix(other), 'image', plainParameters));
    const prefix = featureKeyPrefix(scope);
    keys.push(featureKey(prefix, 'another image', plainParameters));
    for (const [name, value] of Object.entries(plainParameters)) {
      const changed = typeof value === 'boolean' ? !value : (value as number) + Number.EPSILON * 2;
      keys.push(featureKey(prefix, 'image', { ...plainParameters, [name]: changed }));
    }
    keys.push(featureKey(prefix, 'image', { ...plainParameters, cropX: -0 }));
    keys.push(widthKey(prefix));
    expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(keys.length);
  });
});
