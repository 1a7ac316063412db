import { describe, expect, it } from 'vitest';
import {
  type Prediction,
  predictionFailure,
  predictionLines,
} from '../../../src/cli/inference-from-cli.js';
import { FtctlError } from '../../../src/errors/index.js';

const good: Prediction = {
  image: 'a.png',
  top: [{ label: 'cat', probability: 0.75, logit: 1.5 }],
  error: null,
};
const error = new FtctlError('FT_DATA_BAD_FILE', {
  what: 'b.png cannot be used: it is empty.',
  details: { path: 'b.png', reason: 'it is empty' },
});
const bad: Prediction = { image: 'b.png', top: [], error: error.toJSON() };

describe('predictions for people', () => {
  it('show what could not be used in its place', () => {
    expect(predictionLines([good, bad, good])).toEqual([
      'a.png',
      '  0.7500  cat',
      'b.png',
      '  cannot be used: it is empty',
      'a.png',
      '  0.7500  cat',
    ]);
  });

  it('end in a failure if an image could not be used', () => {
    expect(predictionFailure([good, good])).toBeUndefined();
    const failure = predictionFailure([good, bad, bad])!;
    expect(failure.code).toBe('FT_DATA_BAD_FILES');
    expect(failure.exitCode).toBe(3);
    expect(failure.message).toBe('2 of 3 images cannot be used; why is said above, below each.');
    expect(predictionFailure([bad])).toMatchObject({ code: error.code, message: error.message });
  });
});
