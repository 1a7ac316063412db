import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { FtctlError } from '../errors/index.js';
import { isServiceError } from '../rpc/channel.js';
import { connectCoordinator } from '../rpc/coordinator-client.js';
import { isConnectionRefused } from '../rpc/status.js';
import { RunFolder } from '../state/run-folder.js';
import { processExists } from '../util/process-alive.js';

/** A coordinator answers within milliseconds; one that does not for so long is stopped or hangs. */
const reachWithinMs = 5000;

/** What a coordinator tells of itself; only the user can read it. */
const announcementSchema = z.object({
  address: z.string().regex(/^.+:\d{1,5}$/),
  pid: z.number().int().positive(),
  token: z.string().min(1),
});
type Announcement = z.infer<typeof announcementSchema>;

/**
 * Tells the coordinator of a running run to stop, and gives the run's id. Rejects with FT_RUN_NOT_FOUND,
 * FT_RUN_NOT_RUNNING, FT_COORDINATOR_LOST (it does not answer in time), and what the call itself fails with.
 */
export async function stopRun(
  runsDir: string,
  idOrPath: string,
  mode: 'graceful' | 'now',
  withinMs = reachWithinMs,
): Promise<string> {
  const run = await RunFolder.open(runsDir, idOrPath);
  const coordinator = await coordinatorOf(run);
  const client = connectCoordinator(coordinator);
  const deadline = AbortSignal.timeout(withinMs);
  try {
    await client.stop(mode, deadline);
  } catch (error) {
    if (deadline.aborted) throw unanswered(run, coordinator, withinMs);
    throw isGone(error) ? notRunning(run, goneReason(coordinator), error) : error;
  } finally {
    await client.close();
  }
  return run.id;
}

async function coordinatorOf(run: RunFolder): Promise<Announcement> {
  let text: string;
  try {
    text = await readFile(run.coordinatorPath, 'utf8');
  } catch (error) {
    throw notRunning(run, 'Its folder names no coordinator.', error);
  }
  let coordinator: Announcement;
  try {
    coordinator = announcementSchema.parse(JSON.parse(text));
  } catch (error) {
    throw notRunning(
      run,
      `${run.coordinatorPath} is damaged: no coordinator that lives wrote it.`,
      error,
    );
  }
  if (!processExists(coordinator.pid)) {
    throw notRunning(run, `Its coordinator, process ${coordinator.pid}, has ended.`);
  }
  return coordinator;
}

/** The pid may belong to another process by now: then nobody listens, or somebody with another token. */
function isGone(error: unknown): boolean {
  if (!(error instanceof FtctlError)) return false;
  if (error.code === 'FT_TOKEN_REFUSED') return true;
  return isServiceError(error.cause) && isConnectionRefused(error.cause);
}

function goneReason({ address }: Announcement): string {
  return `Its coordinator no longer listens at ${address}.`;
}

function notRunning(run: RunFolder, why: string, cause?: unknown): FtctlError {
  return new FtctlError('FT_RUN_NOT_RUNNING', {
    what: `The run ${run.id} is not running.`,
    why,
    details: { runDir: run.dir },
    ...(cause === undefined ? {} : { cause }),
  });
}

function unanswered(run: RunFolder, { address, pid }: Announcement, withinMs: number): FtctlError {
  return new FtctlError('FT_COORDINATOR_LOST', {
    what: `The coordinator of the run ${run.id} did not answer within ${withinMs / 1000} s.`,
    why: `Process ${pid} at ${address} is there, but it is stopped or hangs.`,
    remedy: `Try again, or end its \`ftctl launch\` and continue with \`ftctl launch --resume ${run.id}\`.`,
    details: { runDir: run.dir, pid },
  });
}
