import type { DataSpec, ModelSpec } from '../config/run-spec.js';
import { preprocessingOf } from './preprocessing-of.js';
import { checkArchitecture, checkImageSize } from './registry.js';

/**
 * Refuses a model that cannot be, as far as the configuration alone tells: FT_MODEL_UNKNOWN, FT_MODEL_WIDTH, FT_MODEL_IMAGE_SIZE, FT_CONFIG_MISSING_KEY,
 * FT_WEIGHTS_PREPROCESSING for published weights, or FT_WEIGHTS_SOURCE for weights of no known kind. Without `data` (it is faulty itself) neither images nor weights are looked at.
 */
export function checkModelSpec(spec: {
  readonly model: ModelSpec;
  readonly data?: Pick<DataSpec, 'imageSize' | 'background' | 'normalise'>;
}): void {
  const { model, data } = spec;
  if ('architecture' in model) checkArchitecture(model.architecture, model.width);
  if (data === undefined) return;
  if ('architecture' in model) checkImageSize(model.architecture, model.width, data.imageSize);
  preprocessingOf(model, data);
}
