import { spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { threadEntry } from './thread-entry.js';

/** How an `npm` run ended. */
export interface NpmResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs npm with these arguments. Rejects with an error that has the code ENOENT where there is no npm, and with the
 * signal's reason when aborted.
 */
export type RunNpm = (args: readonly string[], signal?: AbortSignal) => Promise<NpmResult>;

/** What is kept of each output stream, in characters: far above what `npm pack --json` prints of a package. */
const outputLimit = 64 * 2 ** 20;

/**
 * The user's own npm, in the current folder, so that user, project and environment configuration all apply. It never
 * outlives this process, see npm-guard.ts. Resolves or rejects once it is gone.
 */
export const runNpm: RunNpm = async (args, signal) => {
  signal?.throwIfAborted();
  const entry = fileURLToPath(threadEntry(import.meta.url, './npm-guard.js'));
  const guard = spawn(process.execPath, [entry, ...args], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const [lifeline, ...outputs] = guard.stdio;
  const [stdout, stderr, startError] = outputs.map(collect);
  const onAbort = (): void => {
    lifeline.end();
  };
  signal?.addEventListener('abort', onAbort, { once: true });
  let exitCode: number | null;
  try {
    exitCode = await new Promise((resolve, reject) => {
      guard.once('error', reject);
      guard.once('close', resolve); // after all its streams
    });
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
  signal?.throwIfAborted();
  const code = startError!();
  if (code !== '') throw Object.assign(new Error(`npm could not be started: ${code}`), { code });
  return { exitCode, stdout: stdout!(), stderr: stderr!() };
};

/** Reads a stream; the returned function gives what it has said so far. */
function collect(stream: Readable | Writable | null | undefined): () => string {
  let text = '';
  (stream as Readable).setEncoding('utf8').on('data', (chunk: string) => {
    if (text.length < outputLimit) text += chunk;
  });
  return () => text;
}
