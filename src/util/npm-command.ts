import { spawn } from 'node:child_process';

/** How an `npm` run ended. */
export interface NpmResult {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs npm with these arguments. Rejects like `spawn` does: ENOENT where there is no npm, AbortError when aborted. */
export type RunNpm = (args: readonly string[], signal?: AbortSignal) => Promise<NpmResult>;

/** What is kept of each output stream, in characters: far above what `npm pack --json` prints of a package. */
const outputLimit = 64 * 2 ** 20;

/** The user's own npm, in the current folder, so that user, project and environment configuration all apply. */
export const runNpm: RunNpm = (args, signal) =>
  new Promise((resolve, reject) => {
    const onWindows = process.platform === 'win32';
    const child = spawn(onWindows ? 'npm.cmd' : 'npm', args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      shell: onWindows, // Node refuses to spawn a .cmd file without a shell.
      ...(signal === undefined ? {} : { signal }),
    });
    const output = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (text: string) => {
        if (output[stream].length < outputLimit) output[stream] += text;
      });
    }
    child.once('error', reject);
    child.once('close', (exitCode) => {
      resolve({ exitCode, ...output });
    });
  });
