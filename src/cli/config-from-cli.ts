import { loadConfig, type LoadedConfig } from '../config/load.js';
import type { RunSpec } from '../config/run-spec.js';
import { checkModelSpec } from '../models/check-spec.js';

/** The configuration that a command's FILE argument and `--set` flags name. */
export function loadFromCli(
  file: string | undefined,
  sets: readonly string[],
): Promise<LoadedConfig> {
  return loadConfig({ ...(file === undefined ? {} : { path: file }), sets });
}

/** All checks that need no file but the configuration: its own, and that the architecture exists. */
export async function validateConfig(
  file: string | undefined,
  sets: readonly string[],
): Promise<RunSpec> {
  const { spec } = await loadFromCli(file, sets);
  checkModelSpec(spec);
  return spec;
}
