/**
 * Runs the main job as a newcomer does, with an empty home and cache, and once more with the cache warm:
 * both must finish with the same digest, a usable accuracy, and an artifact that predicts.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const home = mkdtempSync(join(tmpdir(), 'ftctl-home-'));
// The user's npm configuration (which registry to ask) is the machine's; everything else of the home is empty.
const npmrc = join(homedir(), '.npmrc');
if (existsSync(npmrc)) cpSync(npmrc, join(home, '.npmrc'));
const env = { ...process.env, HOME: home, XDG_CACHE_HOME: join(home, '.cache') };
delete env.FTCTL_CACHE;

function ftctl(args) {
  return execFileSync('npx', ['ftctl', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 600_000,
  }).toString();
}

/** Any one of the quick start's images. */
function firstImage(folder) {
  const [name] = readdirSync(folder, { recursive: true }).filter((path) => path.endsWith('.png'));
  return join(folder, name);
}

function launch(label) {
  const start = performance.now();
  const stdout = ftctl(['launch', '--workers', '4', '--runs-dir', join(home, 'runs'), '--json']);
  const result = JSON.parse(stdout);
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
  const image = firstImage(join(home, '.cache', 'ftctl', 'npm'));
  const [prediction] = JSON.parse(ftctl(['predict', second.runDir, image, '--json']));
  check(prediction.top.length === 5, 'the model does not predict');
  console.log(`predict: ${prediction.top[0].label} (${prediction.top[0].probability.toFixed(3)})`);
} finally {
  rmSync(home, { recursive: true, force: true });
}
