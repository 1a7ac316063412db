import type { DataSpec, ModelSpec } from '../config/run-spec.js';
import type { Preprocessing } from '../data/preprocessing.js';
import { FtctlError } from '../errors/index.js';
import { checkNormalisation } from './weights/saved-normalisation.js';
import {
  knownNormalisation,
  normalisationOf,
  type Normalisation,
  weightsSource,
} from './weights/weights-source.js';

/**
 * How images become the input of the configured network: as the configuration says, else as the weights need it. Published weights
 * are for one normalisation, and another one is refused. No I/O: what a file says of itself is compared when it is read. Throws
 * FT_WEIGHTS_PREPROCESSING, FT_WEIGHTS_SOURCE, or FT_CONFIG_MISSING_KEY for a backbone of the user's own that nothing is set for.
 */
export function preprocessingOf(
  spec: ModelSpec,
  options: Pick<DataSpec, 'imageSize' | 'background' | 'normalise'> &
    Partial<Pick<DataSpec, 'valTransform'>>,
): Preprocessing {
  const { imageSize, background, normalise, valTransform } = options;
  const { mean, std } = normalisationOfModel(spec, normalise);
  return { imageSize, resizeSide: valTransform?.resize ?? imageSize, mean, std, background };
}

function normalisationOfModel(spec: ModelSpec, set: DataSpec['normalise']): Normalisation {
  if (!('onnx' in spec)) {
    const source = weightsSource(spec);
    if (set === null) return normalisationOf(source);
    checkNormalisation(spec.weights, knownNormalisation(source), set);
    return set;
  }
  if (set !== null) return set;
  throw new FtctlError('FT_CONFIG_MISSING_KEY', {
    what: 'data.normalise is missing.',
    why: 'model.onnx does not say how the images were normalised that it was trained on.',
    remedy:
      "Set data.normalise: torchvision's is mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225]; mean [0, 0, 0] and std [1, 1, 1] is pixels / 255.",
    details: { path: spec.onnx },
  });
}
