import { loadConfig, type LoadedConfig } from '../config/load.js';
import { checkModelSpec } from '../models/check-spec.js';

/** The configuration that a command's FILE argument and `--set` flags name; all faults are told at once. */
export function loadFromCli(
  file: string | undefined,
  sets: readonly string[],
): Promise<LoadedConfig> {
  return loadConfig({
    ...(file === undefined ? {} : { path: file }),
    ...{ sets, checkModel: checkModelSpec },
  });
}
