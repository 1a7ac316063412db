import { stat } from 'node:fs/promises';
import { loadConfig, type LoadedConfig } from '../config/load.js';
import { missingPaths } from '../config/missing-paths.js';
import type { RunSpec } from '../config/run-spec.js';
import { checkModelSpec } from '../models/check-spec.js';
import { specWarnings } from '../models/spec-warnings.js';
import { checkTrainedRun } from '../state/trained-runs.js';

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

/** Sentences on the files and folders of a configuration that are not there, and on what it says in vain. */
export async function warningsOf(spec: RunSpec): Promise<string[]> {
  const missing = await missingPaths(spec, (path) =>
    stat(path).then(
      () => true,
      () => false,
    ),
  );
  return [...missing, ...specWarnings(spec)];
}

/** Refuses `model.weights: run:ID` as a launch would. */
export function checkRunOf({ model }: RunSpec, runsDir: string): Promise<void> {
  return checkTrainedRun(model, runsDir);
}
