import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The package's folder. */
export const root = fileURLToPath(new URL('../..', import.meta.url));
export const program = fileURLToPath(new URL('../../bin/run.js', import.meta.url));

export interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

/** Runs the built `ftctl` as a user does, without a terminal; needs `npm run build`. */
export function ftctl(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  return run(process.execPath, [program, ...args], options);
}

export function run(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
  // How the tests were started must not show: npm tells its children.
  const ours = /^npm_|^FTCTL_TOKEN$|^FORCE_COLOR$/;
  const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
  const env = { ...Object.fromEntries(inherited), NO_COLOR: '1', ...options.env };
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      ...options,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ stdout, stderr, code });
    });
  });
}
