import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent } from '../../src/control/events.js';

export interface LaunchedRun {
  readonly events: readonly RunEvent[];
  /** Largest resident memory of each worker process, by slot; null where /proc does not tell. */
  readonly workerPeakBytes: readonly (number | null)[];
  /** Of the process that launches and coordinates. */
  readonly launcherPeakBytes: number | null;
}

/** The most memory that a process has had resident until now. */
function peakBytes(pid: number): number | null {
  try {
    const line = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return line === null ? null : Number(line[1]) * 1024;
  } catch {
    return null;
  }
}

function eventsBelow(runs: string): RunEvent[] {
  const files = readdirSync(runs)
    .map((run) => join(runs, run, 'events.jsonl'))
    .filter((file) => existsSync(file));
  return files.flatMap((file) =>
    readFileSync(file, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as RunEvent),
  );
}

/** Runs `ftctl launch` in processes of its own, in a new folder `folder` with a cache of its own, and watches their memory. */
export async function launchedRun(
  config: string,
  numWorkers: number,
  folder: string,
): Promise<LaunchedRun> {
  const runs = join(folder, 'runs');
  mkdirSync(runs, { recursive: true });
  const bin = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
  const child = spawn(
    process.execPath,
    [bin, 'launch', '-c', config, '-w', String(numWorkers), '--runs-dir', runs, '--json'],
    {
      env: { ...process.env, FTCTL_CACHE: join(folder, 'cache') },
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const workers = new Map<number, number>();
  const peaks = new Map<number, number>();
  let launcher: number | null = null;
  const watch = setInterval(() => {
    launcher = peakBytes(child.pid!) ?? launcher;
    if (workers.size < numWorkers) {
      for (const event of eventsBelow(runs)) {
        if (event.type === 'worker-joined') workers.set(event.slot, event.pid);
      }
    }
    for (const [slot, pid] of workers) {
      const peak = peakBytes(pid);
      if (peak !== null) peaks.set(slot, peak);
    }
  }, 200);
  try {
    const code = await new Promise((resolve) => child.once('close', resolve));
    if (code !== 0) throw new Error(`ftctl launch ended with ${String(code)}: ${text}`);
  } finally {
    clearInterval(watch);
  }
  return {
    events: eventsBelow(runs),
    workerPeakBytes: Array.from({ length: numWorkers }, (_, slot) => peaks.get(slot) ?? null),
    launcherPeakBytes: launcher,
  };
}
