/**
 * Images per second of `ftctl launch`, frozen resnet18 at 64 px, augmented with fresh views, global batch 64, float32, empty
 * cache, beside two peers in the same run: onnxruntime's forward alone with the same processes and threads (the ceiling),
 * and the same recipe under PyTorch DistributedDataParallel (`--python PATH` of an interpreter with torch and torchvision).
 *
 *     npx tsx bench/throughput.bench.ts [--preset smoke|full] [--workers 2,4] [--python PATH] [--data FOLDER] [--out FILE]
 *
 * The data are the quick start's images, laid out as a folder. A repeat measures the peers and ftctl one after the other
 * (forward alone before and after), and its ratios are within it; each figure is the median of the repeats, with all of them beside it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config/load.js';
import type { RunEvent, RunResult } from '../src/control/events.js';
import { makeManifest } from '../src/data/make-manifest.js';
import { noPixelCache } from '../src/data/pixel-cache.js';
import { preprocessingOf } from '../src/models/preprocessing-of.js';
import { prepareModel } from '../src/models/prepare-model.js';
import { BlobStore } from '../src/util/blob-store.js';

const { values: flags } = parseArgs({
  options: {
    preset: { type: 'string', default: 'full' },
    python: { type: 'string' },
    data: { type: 'string' },
    workers: { type: 'string' },
    out: { type: 'string' },
  },
});
const full = flags.preset === 'full';
const settings = full
  ? { workers: [2, 4], epochs: 5, repeats: 3, seconds: 10 }
  : { workers: [2], epochs: 2, repeats: 1, seconds: 2 };

const workerCounts = flags.workers?.split(',').map(Number) ?? settings.workers;

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const work = mkdtempSync(join(tmpdir(), 'ftctl-bench-'));
const numCores = cpus().length;

/** The quick start's images as `root/class/image.png`. */
async function imageFolder(): Promise<string> {
  const { spec } = await loadConfig({});
  const preprocessing = preprocessingOf(spec.model, spec.data);
  const { manifest, dataRoot } = await makeManifest(spec.data, {
    seed: spec.seed,
    cacheDir: spec.cache.path,
    pixelCache: noPixelCache,
    preprocessing,
  });
  const folder = join(work, 'images');
  for (const sample of manifest.samples) {
    const classFolder = join(folder, manifest.classNames[sample.label]!);
    mkdirSync(classFolder, { recursive: true });
    cpSync(join(dataRoot, sample.path), join(classFolder, sample.id.replaceAll('/', '_')));
  }
  return folder;
}

function configFile(data: string): string {
  const path = join(work, 'bench.yaml');
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: 'ftctl/v1',
      kind: 'TrainingRun',
      name: 'bench',
      seed: 1,
      data: {
        source: data,
        imageSize: 64,
        split: { train: 0.9, val: 0.1, test: 0 },
        views: 'fresh',
        augment: { rotate: 15, flipHorizontal: 0.5, scale: [0.9, 1.1], translate: 0.1 },
      },
      model: { architecture: 'resnet18', weights: 'random' },
      phases: [
        { train: 'head', epochs: settings.epochs, optimizer: { type: 'adam', learningRate: 0.01 } },
      ],
      batch: { size: 64, shards: 16 },
    }),
  );
  return path;
}

/** Steady rate: all epochs but the first, which also decodes. */
function ftctl(config: string, workers: number): { steady: number; first: number } {
  const cache = mkdtempSync(join(work, 'cache-'));
  const runs = mkdtempSync(join(work, 'runs-'));
  const stdout = execFileSync(
    process.execPath,
    [
      join(root, 'bin/run.js'),
      'launch',
      '-c',
      config,
      '-w',
      String(workers),
      '--runs-dir',
      runs,
      '--json',
    ],
    { env: { ...process.env, FTCTL_CACHE: cache }, stdio: ['ignore', 'pipe', 'ignore'] },
  );
  const result = JSON.parse(stdout.toString()) as RunResult;
  const epochs = execFileSync('cat', [join(result.runDir, 'events.jsonl')])
    .toString()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as RunEvent)
    .filter((event) => event.type === 'epoch');
  // Rows computed: training and validation images both went through the backbone.
  const rate = (of: typeof epochs): number =>
    of.reduce((sum, e) => sum + e.rowsComputed, 0) / of.reduce((sum, e) => sum + e.seconds, 0);
  rmSync(cache, { recursive: true });
  return { steady: rate(epochs.slice(1)), first: rate(epochs.slice(0, 1)) };
}

async function forwardAlone(
  model: string,
  processes: number,
  threads: number,
  batch: number,
): Promise<number> {
  const rates = Array.from({ length: processes }, () => {
    const child = spawn(
      process.execPath,
      [
        '--import',
        'tsx',
        join(root, 'bench/support/forward-alone.ts'),
        model,
        '64',
        String(threads),
        String(batch),
        String(settings.seconds),
      ],
      { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
    );
    return new Promise<number>((resolve, reject) => {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
      child.on('exit', (code) => {
        if (code === 0) resolve(Number(text));
        else reject(new Error(`forward-alone exited with ${code}`));
      });
    });
  });
  return (await Promise.all(rates)).reduce((a, b) => a + b);
}

function ddp(python: string, data: string, workers: number, loaders: number): number {
  const args = [join(root, 'bench/peers/ddp_frozen.py'), '--data', data];
  const threads = Math.max(1, Math.floor(numCores / workers));
  const numbers = {
    ...{ workers, threads, loaders, batch: 64, size: 64 },
    ...{ epochs: settings.epochs, port: 29511 + loaders },
  };
  for (const [name, value] of Object.entries(numbers)) args.push(`--${name}`, String(value));
  const stdout = execFileSync(python, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  return (JSON.parse(stdout.toString()) as { imagesPerSecond: number }).imagesPerSecond;
}

/** The better number of loader processes for DDP here: none, or one a worker. */
function bestLoaders(python: string, data: string, workers: number): number {
  return ddp(python, data, workers, 0) >= ddp(python, data, workers, 1) ? 0 : 1;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Median, then every repeat's figure in the order of measuring. */
const summary = (values: readonly number[], digits: number) => ({
  median: Number(median(values).toFixed(digits)),
  all: values.map((value) => Number(value.toFixed(digits))),
});

try {
  const data = flags.data ?? (await imageFolder());
  const { spec } = await loadConfig({ path: configFile(data) });
  const prepared = await prepareModel(spec.model, {
    numClasses: 16,
    imageSize: 64,
    background: spec.data.background,
    normalise: null,
    seed: 1,
    cacheDir: join(work, 'models'),
  });
  const model = new BlobStore(join(work, 'models')).path(prepared.backboneSha256);
  const rows = [];
  for (const workers of workerCounts) {
    const threads = Math.max(1, Math.floor(numCores / workers));
    const { python } = flags;
    const loaders = python === undefined ? 0 : bestLoaders(python, data, workers);
    const alone: number[] = [];
    const ours: number[] = [];
    const first: number[] = [];
    const peer: number[] = [];
    for (let repeat = 0; repeat < settings.repeats; repeat++) {
      const before = await forwardAlone(model, workers, threads, 64 / workers);
      const rates = ftctl(configFile(data), workers);
      const after = await forwardAlone(model, workers, threads, 64 / workers);
      alone.push((before + after) / 2);
      ours.push(rates.steady);
      first.push(rates.first);
      if (python !== undefined) peer.push(ddp(python, data, workers, loaders));
    }
    const ratio = (to: readonly number[]) =>
      summary(
        ours.map((rate, i) => rate / to[i]!),
        3,
      );
    rows.push({
      workers,
      threadsPerWorker: threads,
      forwardAlone: summary(alone, 0),
      ftctl: summary(ours, 0),
      ftctlFirstEpoch: summary(first, 0),
      ofForwardAlone: ratio(alone),
      ...(peer.length === 0
        ? {}
        : { ddp: summary(peer, 0), ddpLoaders: loaders, timesDdp: ratio(peer) }),
    });
  }
  const report = {
    bench: 'throughput',
    date: new Date().toISOString().slice(0, 10),
    preset: flags.preset,
    node: process.version,
    cores: numCores,
    cpu: cpus()[0]?.model,
    rows,
  };
  console.log(JSON.stringify(report, null, 2));
  if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
