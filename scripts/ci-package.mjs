/**
 * Packs the package, installs it in an empty folder as a user would, and trains with it: what `files` in package.json
 * leaves out is missing only there.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const dir = mkdtempSync(join(tmpdir(), 'ftctl-package-'));
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, stdio: ['ignore', 'pipe', 'inherit'], timeout: 600_000 });
try {
  run('npm', ['pack', '--pack-destination', dir], process.cwd());
  const tarball = readdirSync(dir).find((name) => name.endsWith('.tgz'));
  writeFileSync(join(dir, 'package.json'), '{ "private": true }\n');
  run('npm', ['install', '--onnxruntime-node-install=skip', `./${tarball}`], dir);
  const config = join(dir, 'node_modules', 'ftctl', 'configs', 'smoke.yaml');
  const launch = ['ftctl', 'launch', '--config', config, '--workers', '2', '--json'];
  const { status, runDir, digest } = JSON.parse(run('npx', launch, dir).toString());
  if (status !== 'finished') throw new Error(`the run ended as ${status}`);
  writeFileSync(
    join(dir, 'library.mjs'),
    "import { predict } from 'ftctl'; if (typeof predict !== 'function') process.exit(1);\n",
  );
  run(process.execPath, ['library.mjs'], dir);
  console.log(`package: installed elsewhere, trained ${runDir}, digest ${digest}`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
