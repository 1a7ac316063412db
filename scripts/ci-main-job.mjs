/**
 * Runs the main job as a newcomer does, with an empty home and cache, and once more with the cache warm:
 * both must finish with the same digest, a usable accuracy, and an artifact that predicts.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const home = mkdtempSync(join(tmpdir(), 'ftctl-home-'));
// The user's npm configuration (which registry to ask) is the machine's; everything else of the home is empty.
const npmrc = join(homedir(), '.npmrc');
if (existsSync(npmrc)) cpSync(npmrc, join(home, '.npmrc'));
const env = { ...process.env, HOME: home, XDG_CACHE_HOME: join(home, '.cache') };
delete env.FTCTL_CACHE;

function launch(label) {
  const start = performance.now();
  const stdout = execFileSync(
    'npx',
    ['ftctl', 'launch', '--workers', '4', '--runs-dir', join(home, 'runs'), '--json'],
    { env, stdio: ['ignore', 'pipe', 'inherit'], timeout: 600_000 },
  );
  const result = JSON.parse(stdout.toString());
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  console.log(
    `${label}: ${seconds} s, val accuracy ${result.val.accuracy}, digest ${result.digest}`,
  );
  return result;
}

function check(condition, message) {
  if (condition) return;
  console.error(`main job: ${message}`);
  process.exitCode = 1;
}

try {
  const first = launch('first run (downloads included)');
  const second = launch('second run (cached)');
  check(first.status === 'finished' && second.status === 'finished', 'a run did not finish');
  check(first.digest === second.digest, 'the cached run ended with another digest');
  check(first.val.accuracy >= 0.7, `val accuracy ${first.val.accuracy} is below 0.70`);
  check(existsSync(join(second.runDir, 'model', 'model.onnx')), 'model.onnx is missing');
} finally {
  rmSync(home, { recursive: true, force: true });
}
