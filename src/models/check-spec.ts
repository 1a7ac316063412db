import type { RunSpec } from '../config/run-spec.js';
import { preprocessingOf } from './preprocessing-of.js';
import { checkArchitecture } from './registry.js';

/**
 * Refuses a model that cannot be, as far as the configuration alone tells: FT_MODEL_UNKNOWN, FT_MODEL_WIDTH, or FT_WEIGHTS_SOURCE
 * for weights of no known kind.
 */
export function checkModelSpec(spec: RunSpec): void {
  checkArchitecture(spec.model.architecture, spec.model.width);
  preprocessingOf(spec.model, spec.data);
}
