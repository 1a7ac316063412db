import { loadConfig, type LoadedConfig } from '../config/load.js';
import type { RunSpec } from '../config/run-spec.js';
import { checkImageSize } from '../models/registry.js';
import { preprocessingOf } from '../models/preprocessing-of.js';

/** The configuration that a command's FILE argument and `--set` flags name. */
export function loadFromCli(
  file: string | undefined,
  sets: readonly string[],
): Promise<LoadedConfig> {
  return loadConfig({ ...(file === undefined ? {} : { path: file }), sets });
}

/** All checks that need no file but the configuration: its own, and that the architecture exists and takes the images. */
export async function validateConfig(
  file: string | undefined,
  sets: readonly string[],
): Promise<RunSpec> {
  const { spec } = await loadFromCli(file, sets);
  checkImageSize(spec.model.architecture, spec.model.width, spec.data.imageSize);
  preprocessingOf(spec.model, spec.data); // the weights' source
  return spec;
}
