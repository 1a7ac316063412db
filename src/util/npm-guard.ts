import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

/**
 * Child process: `node npm-guard.js ARGUMENTS...` runs npm, and kills it when stdin ends. The system closes the other end of
 * stdin however the parent dies, also by SIGKILL; npm itself would go on downloading. Output and exit code are npm's; if
 * it cannot be started, the error's code is written to descriptor 3.
 */

const onWindows = process.platform === 'win32';
const npm = spawn(onWindows ? 'npm.cmd' : 'npm', process.argv.slice(2), {
  stdio: ['ignore', 'inherit', 'inherit'],
  shell: onWindows, // Node refuses to spawn a .cmd file without a shell.
  // A process group of its own, so that what a wrapper script or npm started can be killed with it.
  detached: !onWindows,
});

function killNpm(): void {
  if (npm.pid === undefined) return;
  if (onWindows) {
    spawn('taskkill', ['/pid', String(npm.pid), '/t', '/f'], { stdio: 'ignore' });
    return;
  }
  try {
    process.kill(-npm.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

process.stdin.on('end', killNpm).on('error', killNpm).resume();
// A terminal sends these to all processes of a launch, which alone decides.
process.on('SIGINT', () => undefined).on('SIGHUP', () => undefined);
process.on('SIGTERM', killNpm);
npm.once('error', (error: NodeJS.ErrnoException) => {
  writeSync(3, error.code ?? 'UNKNOWN');
  process.exit(1);
});
npm.once('exit', (exitCode) => {
  process.exit(exitCode ?? 1);
});
