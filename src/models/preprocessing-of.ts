import type { DataSpec, ModelSpec } from '../config/run-spec.js';
import type { Preprocessing } from '../data/preprocessing.js';
import { normalisationOf, weightsSource } from './weights/weights-source.js';

/**
 * How images become the input of the configured network: the weights' own normalisation, unless the configuration
 * overrides it. No I/O. Throws FT_WEIGHTS_SOURCE.
 */
export function preprocessingOf(
  spec: ModelSpec,
  options: Pick<DataSpec, 'imageSize' | 'background' | 'normalise'> &
    Partial<Pick<DataSpec, 'valTransform'>>,
): Preprocessing {
  const { mean, std } = options.normalise ?? normalisationOf(weightsSource(spec));
  const { imageSize, background, valTransform } = options;
  return { imageSize, resizeSide: valTransform?.resize ?? imageSize, mean, std, background };
}
