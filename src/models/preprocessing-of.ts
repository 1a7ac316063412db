import type { DataSpec, ModelSpec } from '../config/run-spec.js';
import type { Preprocessing } from '../data/preprocessing.js';
import { FtctlError } from '../errors/index.js';
import { normalisationOf, type Normalisation, weightsSource } from './weights/weights-source.js';

/**
 * How images become the input of the configured network: the weights' own normalisation, unless the configuration
 * overrides it. No I/O. Throws FT_WEIGHTS_SOURCE, or FT_CONFIG_MISSING_KEY for a backbone of the user's own that nothing is set for.
 */
export function preprocessingOf(
  spec: ModelSpec,
  options: Pick<DataSpec, 'imageSize' | 'background' | 'normalise'> &
    Partial<Pick<DataSpec, 'valTransform'>>,
): Preprocessing {
  const { mean, std } = options.normalise ?? normalisationOfModel(spec);
  const { imageSize, background, valTransform } = options;
  return { imageSize, resizeSide: valTransform?.resize ?? imageSize, mean, std, background };
}

function normalisationOfModel(spec: ModelSpec): Normalisation {
  if (!('onnx' in spec)) return normalisationOf(weightsSource(spec));
  throw new FtctlError('FT_CONFIG_MISSING_KEY', {
    what: 'data.normalise is missing.',
    why: 'model.onnx does not say how the images were normalised that it was trained on.',
    remedy:
      "Set data.normalise: torchvision's is mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225]; mean [0, 0, 0] and std [1, 1, 1] is pixels / 255.",
    details: { path: spec.onnx },
  });
}
