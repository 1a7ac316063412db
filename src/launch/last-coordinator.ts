import { readFile } from 'node:fs/promises';
import { FtctlError } from '../errors/index.js';
import type { RunFolder } from '../state/run-folder.js';

/** A coordinator whose launcher was killed ends by itself within three seconds. */
const limitMs = 10_000;
const pollMs = 50;

/**
 * Waits until the coordinator that worked in this folder before is gone: its launcher may have been killed a moment ago.
 * Rejects with FT_RUN_IN_USE if it stays. `sleep` waits that many milliseconds.
 */
export async function awaitLastCoordinator(
  run: RunFolder,
  sleep: (ms: number) => Promise<void>,
): Promise<void> {
  const pid = await lastPid(run.coordinatorPath);
  if (pid === null) return;
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += pollMs) {
    if (!(await isCoordinatorOf(run, pid))) return;
    await sleep(pollMs);
  }
  throw new FtctlError('FT_RUN_IN_USE', {
    what: `Process ${pid}, the last coordinator of the run ${run.id}, is still alive.`,
    why: 'Its launcher is gone, and it did not end by itself.',
    remedy: `End it with \`kill -9 ${pid}\` and try again.`,
    details: { runDir: run.dir, pid },
  });
}

async function lastPid(path: string): Promise<number | null> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    const pid = (value as { pid?: unknown } | null)?.pid;
    return typeof pid === 'number' && Number.isInteger(pid) && pid > 0 ? pid : null;
  } catch {
    return null; // none, or torn: then it was not written by a coordinator that lives
  }
}

/** The pid may belong to someone else by now; a coordinator's command line names its run folder. */
async function isCoordinatorOf(run: RunFolder, pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const command = await readFile(`/proc/${String(pid)}/cmdline`, 'utf8').catch(() => '');
  return command.split('\0').includes(run.dir);
}
