import type { DataSpec, ModelSpec } from '../config/run-spec.js';
import { preprocessingOf } from './preprocessing-of.js';
import { checkArchitecture } from './registry.js';

/**
 * Refuses a model that cannot be, as far as the configuration alone tells: FT_MODEL_UNKNOWN, FT_MODEL_WIDTH, or FT_WEIGHTS_SOURCE
 * for weights of no known kind. Without `data` (it is faulty itself) the weights are not looked at.
 */
export function checkModelSpec(spec: {
  readonly model: ModelSpec;
  readonly data?: Pick<DataSpec, 'imageSize' | 'background' | 'normalise'>;
}): void {
  checkArchitecture(spec.model.architecture, spec.model.width);
  if (spec.data !== undefined) preprocessingOf(spec.model, spec.data);
}
