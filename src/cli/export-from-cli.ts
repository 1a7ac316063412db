import { basename, dirname, resolve } from 'node:path';
import {
  exportArtifacts,
  type ExportedModel,
  type ExportFormat,
} from '../models/export-artifacts.js';
import { findModel } from './find-model.js';
import { interruptible } from './interruptible.js';

/** What `ftctl export --json` prints. */
export type ExportResult = ExportedModel;

/** `ftctl export`. Without `out` the file is named after the run, in the current folder. */
export async function exportFromCli(choice: {
  readonly runsDir: string;
  readonly run: string;
  readonly format: ExportFormat;
  readonly out: string | undefined;
}): Promise<ExportResult> {
  const { runsDir, run, format, out } = choice;
  const modelDir = await findModel(runsDir, run);
  const path = resolve(out ?? `${nameOf(modelDir)}.${format}`);
  return interruptible((signal) => exportArtifacts(modelDir, format, path, signal));
}

/** The run's id; a folder that was copied elsewhere has its own name. */
function nameOf(modelDir: string): string {
  const name = basename(modelDir);
  return name === 'model' ? basename(dirname(modelDir)) : name;
}
