import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { isModelFolder } from '../models/artifacts.js';
import { noModel } from '../state/no-model.js';
import { RunFolder } from '../state/run-folder.js';
import { isFolder } from '../util/is-folder.js';

/**
 * Absolute folder of the trained model that the user means: a run's id, the start of one, a run folder, its `model/`
 * folder, or such a folder wherever it was copied to. A run's id wins over a folder of the same name. Rejects with
 * FT_RUN_NOT_FOUND, or with FT_ARTIFACTS_NOT_FOUND for a run that has no model yet.
 */
export async function findModel(runsDir: string, named: string): Promise<string> {
  const path = resolve(named);
  const isPath = isAbsolute(named) || /[/\\]|^\.\.?$/.test(named);
  if (isPath && (await isModelFolder(path))) return path;
  const run = await openRun(runsDir, path, isPath ? path : named).catch(async (error: unknown) => {
    if (!isPath && (await isModelFolder(path))) return undefined;
    throw error;
  });
  if (run === undefined) return path;
  if (await isModelFolder(run.modelDir)) return run.modelDir;
  throw noModel(await run.summary());
}

/** A run's `model/` folder without a model stands for its run, which can say why there is none. */
async function openRun(runsDir: string, path: string, named: string): Promise<RunFolder> {
  try {
    return await RunFolder.open(runsDir, named);
  } catch (error) {
    if (basename(path) !== 'model') throw error;
    const parent = await RunFolder.open(runsDir, dirname(path)).catch(() => undefined);
    if (parent !== undefined) return parent;
    if (!(await isFolder(path))) throw error;
    throw new FtctlError('FT_ARTIFACTS_NOT_FOUND', {
      what: `${path} has no trained model in it.`,
      details: { path },
    });
  }
}
