import { spawn, type ChildProcess } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { RunEvent, RunResult } from '../../../src/control/events.js';
import type { StoredRecord } from '../../../src/coordinator/journal-records.js';

const program = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A real `ftctl` process. */
export function startFtctl(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): { child: ChildProcess; finished: Promise<Finished> } {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, npm_command: '', npm_lifecycle_event: '', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const finished = new Promise<Finished>((resolve) => {
    child.on('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
  return { child, finished };
}

export function ftctl(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return startFtctl(args, env).finished;
}

/** Runs `launch --json` to its end and gives the result; throws with what was printed if it did not finish. */
export async function launched(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<RunResult> {
  const { code, stdout, stderr } = await ftctl(['launch', '--json', ...args], env);
  if (code !== 0) throw new Error(`launch ended with ${code}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as RunResult;
}

export async function eventsOf(runDir: string): Promise<RunEvent[]> {
  return (await linesOf(join(runDir, 'events.jsonl'))) as RunEvent[];
}

export async function journalOf(runDir: string): Promise<StoredRecord[]> {
  return (await linesOf(join(runDir, 'journal.jsonl'))) as StoredRecord[];
}

async function linesOf(path: string): Promise<unknown[]> {
  const text = await readFile(path, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line): unknown => JSON.parse(line));
}
