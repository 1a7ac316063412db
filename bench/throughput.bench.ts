/**
 * Images per second of `ftctl launch`, frozen resnet18 at 64 px, augmented with fresh views, global batch 64, float32, empty
 * cache, beside two peers in the same run: onnxruntime's forward alone with the same processes and threads (the ceiling),
 * and the same recipe under PyTorch DistributedDataParallel (`--python PATH` of an interpreter with torch and torchvision).
 *
 *     npx tsx bench/throughput.bench.ts [--preset smoke|full] [--python PATH] [--data FOLDER]
 *
 * The data are the quick start's images, laid out as a folder. Each figure is the median of the repeats.
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
  },
});
const full = flags.preset === 'full';
const settings = full
  ? { workers: [2, 4], epochs: 5, repeats: 3, seconds: 10 }
  : { workers: [2], epochs: 2, repeats: 1, seconds: 2 };

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

/** DDP with loader processes and without; the better one counts. */
function ddp(python: string, data: string, workers: number): { imagesPerSecond: number } {
  const threads = Math.max(1, Math.floor(numCores / workers));
  const runs = [0, 1].map((loaders, i) => {
    const args = [join(root, 'bench/peers/ddp_frozen.py'), '--data', data];
    const numbers = {
      workers,
      threads,
      loaders,
      batch: 64,
      size: 64,
      epochs: settings.epochs,
      port: 29511 + i,
    };
    for (const [name, value] of Object.entries(numbers)) args.push(`--${name}`, String(value));
    const stdout = execFileSync(python, args, { stdio: ['ignore', 'pipe', 'ignore'] });
    return JSON.parse(stdout.toString()) as { imagesPerSecond: number };
  });
  return runs.sort((a, b) => b.imagesPerSecond - a.imagesPerSecond)[0]!;
}

const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1]!;

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
  for (const workers of settings.workers) {
    const threads = Math.max(1, Math.floor(numCores / workers));
    const measured = {
      ours: [] as number[],
      first: [] as number[],
      alone: [] as number[],
      ddp: [] as number[],
    };
    for (let repeat = 0; repeat < settings.repeats; repeat++) {
      measured.alone.push(await forwardAlone(model, workers, threads, 64 / workers));
      const ours = ftctl(configFile(data), workers);
      measured.ours.push(ours.steady);
      measured.first.push(ours.first);
      if (flags.python !== undefined)
        measured.ddp.push(ddp(flags.python, data, workers).imagesPerSecond);
    }
    const alone = median(measured.alone);
    const ours = median(measured.ours);
    rows.push({
      workers,
      threadsPerWorker: threads,
      forwardAlone: Math.round(alone),
      ftctl: Math.round(ours),
      ftctlFirstEpoch: Math.round(median(measured.first)),
      ofForwardAlone: Number((ours / alone).toFixed(3)),
      ...(measured.ddp.length === 0
        ? {}
        : {
            ddp: Math.round(median(measured.ddp)),
            timesDdp: Number((ours / median(measured.ddp)).toFixed(2)),
          }),
    });
  }
  console.log(
    JSON.stringify(
      {
        bench: 'throughput',
        preset: flags.preset,
        node: process.version,
        cores: numCores,
        cpu: cpus()[0]?.model,
        rows,
      },
      null,
      2,
    ),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
