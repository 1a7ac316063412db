import { basename, dirname, isAbsolute, resolve } from 'node:path';
import { FtctlError } from '../errors/index.js';
import { isModelFolder } from '../models/artifacts.js';
import { RunFolder } from '../state/run-folder.js';
import type { RunSummary } from '../state/run-summary.js';
import { isFolder } from '../util/is-folder.js';
import { quoted } from '../util/shell-quote.js';

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

function noModel({ id, dir, status, epochs }: RunSummary): FtctlError {
  const run = quoted(dir);
  const states = {
    running: {
      why: 'It is written when the run ends, and the run is still on.',
      remedy: `Wait for its end, or end it now with \`ftctl stop ${run}\`: after a first epoch, a stopped run leaves its best model.`,
    },
    finished: {
      why: 'The run has finished; its model was removed, or could not be written.',
      remedy: `Write it again: \`ftctl launch --resume ${run}\`.`,
    },
    stopped: {
      why: 'The run was stopped before its first epoch was over.',
      remedy: `Go on with it: \`ftctl launch --resume ${run}\`.`,
    },
    failed: {
      why: 'A model is written when a run ends, and this one failed before.',
      remedy: `Go on with it: \`ftctl launch --resume ${run}\`; \`ftctl runs\` shows why it failed.`,
    },
  } as const;
  return new FtctlError('FT_ARTIFACTS_NOT_FOUND', {
    what: `The run ${id} has no model${status === 'finished' ? '' : ' yet'}.`,
    ...states[status],
    details: { run: id, path: dir, status, epochs },
  });
}
