import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RunEvent } from '../../../src/control/events.js';
import { eventsOf, type Finished, startFtctl } from './ftctl.js';
import type { World } from './world.js';

/** Waits until a run in `runsDir` other than the known ones has such an event; gives its folder and events. */
export async function untilEvent(
  runsDir: string,
  known: readonly string[],
  isIt: (event: RunEvent) => boolean,
): Promise<{ runDir: string; events: RunEvent[] }> {
  for (let tries = 0; tries < 1200; tries++) {
    const ids = (await readdir(runsDir).catch(() => [])).filter(
      (id) => !id.startsWith('.') && !known.includes(id),
    );
    for (const id of ids) {
      const runDir = join(runsDir, id);
      const events = await eventsOf(runDir).catch(() => []);
      if (events.some(isIt)) return { runDir, events };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('no such event within a minute');
}

/**
 * Launches, and waits `delayMs` after an epoch has ended: somewhere in the epochs that follow, the same place each time as
 * far as a real machine allows.
 */
export async function launchedIntoEpochs(
  world: World,
  args: readonly string[],
  delayMs: number,
): Promise<{ finished: Promise<Finished>; runDir: string; events: readonly RunEvent[] }> {
  const known = await readdir(world.runsDir);
  const { finished } = startFtctl(['launch', '--json', ...world.args, ...args], world.env);
  const run = await untilEvent(world.runsDir, known, (event) => event.type === 'epoch');
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  return { finished, ...run };
}

/** Process id of the worker in a slot, as it joined. */
export function workerPid(events: readonly RunEvent[], slot: number): number {
  const joined = events.filter((event) => event.type === 'worker-joined');
  const worker = joined.find((event) => event.slot === slot);
  if (worker === undefined) throw new Error(`no worker joined in slot ${slot}`);
  return worker.pid;
}

export async function coordinatorPid(runDir: string): Promise<number> {
  const text = await readFile(join(runDir, 'coordinator.json'), 'utf8');
  return (JSON.parse(text) as { pid: number }).pid;
}

/** The command line of a process. */
export async function commandLineOf(pid: number): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
}

/** Processes whose command line or environment names the folder. */
export async function processesOf(dir: string): Promise<number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const named = await Promise.all(
    pids.map(async (pid) => {
      const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return command.includes(dir) ? pid : null;
    }),
  );
  return named.filter((pid): pid is number => pid !== null && pid !== process.pid);
}

/** Files that a finished run must not leave: temporary names, and the addresses of its processes. */
export async function leftovers(runDir: string): Promise<string[]> {
  const names = await readdir(runDir, { recursive: true });
  return names.filter((name) => /\.tmp$|coordinator\.json$|prometheus-targets\.json$/.test(name));
}
