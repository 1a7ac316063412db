/**
 * Best val accuracy of a configuration (the quick start by default) over several seeds, each of which also splits the data anew.
 *
 *     npx tsx bench/accuracy.bench.ts [--seeds 0,1,2,3,4] [--config FILE] [--workers N] [--least 0.73] [--out FILE]
 *
 * Ends with exit code 1 where the mean is below `--least`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/load.js';
import { launch } from '../src/launch/launch.js';

const { values: flags } = parseArgs({
  options: {
    seeds: { type: 'string', default: '0,1,2,3,4' },
    config: { type: 'string' },
    workers: { type: 'string', default: '4' },
    least: { type: 'string' },
    out: { type: 'string' },
  },
});

const runsDir = mkdtempSync(join(tmpdir(), 'ftctl-accuracy-'));
const runs: { seed: number; best: number; epoch: number; digest: string; seconds: number }[] = [];
try {
  for (const seed of flags.seeds.split(',').map(Number)) {
    const config = await loadConfig({
      ...(flags.config === undefined ? {} : { path: flags.config }),
      sets: [`seed=${seed}`, `workers.count=${flags.workers}`, 'best.metric=accuracy'],
    });
    const result = await launch(config, { runsDir });
    if (result.best === null) throw new Error(`Seed ${seed} has no best epoch.`);
    const { value: best, epoch } = result.best;
    runs.push({ seed, best, epoch, digest: result.digest, seconds: result.wallSeconds });
    console.log(`seed ${seed}: best val accuracy ${best.toFixed(3)} in epoch ${epoch + 1}`);
  }
} finally {
  rmSync(runsDir, { recursive: true, force: true });
}
const mean = runs.reduce((sum, { best }) => sum + best, 0) / runs.length;
console.log(`mean of ${runs.length}: ${mean.toFixed(3)}`);
const report = {
  bench: 'accuracy',
  date: new Date().toISOString().slice(0, 10),
  config: flags.config ?? 'configs/quickstart.yaml',
  workers: Number(flags.workers),
  node: process.version,
  cores: cpus().length,
  cpu: cpus()[0]?.model,
  ...{ mean, runs },
};
if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, null, 2)}\n`);
if (flags.least !== undefined && mean < Number(flags.least)) process.exitCode = 1;
