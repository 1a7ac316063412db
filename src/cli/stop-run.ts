import { readFile } from 'node:fs/promises';
import { FtctlError } from '../errors/index.js';
import { connectCoordinator } from '../rpc/coordinator-client.js';
import { RunFolder } from '../state/run-folder.js';

/**
 * Tells the coordinator of a running run to stop, and gives the run's id. Rejects with FT_RUN_NOT_FOUND,
 * FT_RUN_NOT_RUNNING, and what the call itself fails with.
 */
export async function stopRun(
  runsDir: string,
  idOrPath: string,
  mode: 'graceful' | 'now',
): Promise<string> {
  const run = await RunFolder.open(runsDir, idOrPath);
  const client = connectCoordinator(await coordinatorOf(run));
  try {
    await client.stop(mode);
  } finally {
    await client.close();
  }
  return run.id;
}

/** The coordinator's own announcement, which only the user can read. */
async function coordinatorOf(run: RunFolder): Promise<{ address: string; token: string }> {
  const text = await readFile(run.coordinatorPath, 'utf8').catch((error: unknown) => {
    throw new FtctlError('FT_RUN_NOT_RUNNING', {
      what: `The run ${run.id} is not running.`,
      why: 'Its folder names no coordinator.',
      cause: error,
    });
  });
  return JSON.parse(text) as { address: string; token: string };
}
