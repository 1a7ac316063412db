/**
 * Milliseconds of a whole training step, and peak memory of each process: resnet18 at 64 px, global batch 32 in 8 shards, Adam,
 * `train: layer4` and `train: all`, in real `ftctl launch` processes, beside PyTorch DistributedDataParallel (gloo) with as many processes
 * in the same run (`--python PATH` of an interpreter with torch and torchvision). One thread for each process.
 *
 *     npm run build && npx tsx bench/train-step.bench.ts --python PATH [--workers 1,2] [--train layer4,all] [--batch-norm frozen] [--repeats 3] [--out FILE]
 *
 * The images are noise, decoded once by either side; there is no augmentation. Behind layer4, ftctl's features are cached after the first
 * epoch; PyTorch is measured as users run it, the frozen layers computed in each step (`pytorch`), and with its features
 * cached too (`pytorchCached`). Steps are those of all epochs but the first. In a repeat they take turns, and a ratio is within it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { RunEvent } from '../src/control/events.js';
import { launchedRun } from './support/launched-run.js';
import { noiseImages } from './support/noise-images.js';

const { values: flags } = parseArgs({
  options: {
    python: { type: 'string' },
    workers: { type: 'string', default: '1,2' },
    train: { type: 'string', default: 'layer4,all' },
    'batch-norm': { type: 'string', default: 'frozen' },
    epochs: { type: 'string', default: '3' },
    repeats: { type: 'string', default: '3' },
    out: { type: 'string' },
  },
});
const { python } = flags;
if (python === undefined) throw new Error('--python PATH of an interpreter with torch');

const imageSize = 64;
const batch = { size: 32, shards: 8 };
/** 20 steps of 32 for training, the rest for evaluation. */
const data = { numImages: 672, numClasses: 16, side: imageSize };
const numTrain = 640;
const numEpochs = Number(flags.epochs);
const work = mkdtempSync(join(tmpdir(), 'ftctl-bench-'));

interface Setting {
  readonly train: string;
  readonly batchNorm: string;
  readonly workers: number;
}

interface Measured {
  readonly milliseconds: number;
  /** Of the largest process. */
  readonly peakMebibytes: number;
}

const mebibytes = (bytes: number): number => bytes / 2 ** 20;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1]!;

/** Milliseconds a step, of each epoch but the first: all that an epoch takes, its evaluation of 32 images and its checkpoint too. */
function stepTimes(events: readonly RunEvent[]): number[] {
  const epochs = events.flatMap((event) => (event.type === 'epoch' ? [event.seconds] : []));
  return epochs.slice(1).map((seconds) => (1000 * seconds) / (numTrain / batch.size));
}

function configFile(images: string, { train, batchNorm }: Setting): string {
  const path = join(work, 'bench.yaml');
  const phase = {
    ...{ train, epochs: numEpochs, batchNorm },
    optimizer: { type: 'adam', learningRate: 0.001 },
  };
  const config = {
    ...{ apiVersion: 'ftctl/v1', kind: 'TrainingRun', name: 'bench', seed: 1 },
    data: {
      ...{ source: images, imageSize, views: 1 },
      split: { train: numTrain / data.numImages, val: 1 - numTrain / data.numImages, test: 0 },
    },
    model: { architecture: 'resnet18', weights: 'random' },
    phases: [phase],
    ...{ batch, engine: { threads: 1 } },
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

async function ftctl(images: string, setting: Setting): Promise<Measured> {
  const folder = mkdtempSync(join(work, 'run-'));
  const run = await launchedRun(configFile(images, setting), setting.workers, folder);
  rmSync(folder, { recursive: true });
  return {
    milliseconds: median(stepTimes(run.events)),
    peakMebibytes: mebibytes(Math.max(...run.workerPeakBytes.map((bytes) => bytes ?? 0))),
  };
}

function ddp(images: string, { train, batchNorm, workers }: Setting, cached: boolean): Measured {
  const script = fileURLToPath(new URL('peers/ddp_train.py', import.meta.url));
  const values = {
    ...{ data: images, train, 'batch-norm': batchNorm, workers, threads: 1, size: imageSize },
    ...{ batch: batch.size, images: numTrain, epochs: numEpochs },
  };
  const args = Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const text = execFileSync(python!, [script, ...args, ...(cached ? ['--cached'] : [])], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const answer = JSON.parse(text.toString()) as { secondsPerStep: number[]; peakBytes: number[] };
  return {
    milliseconds: 1000 * median(answer.secondsPerStep),
    peakMebibytes: mebibytes(Math.max(...answer.peakBytes)),
  };
}

const summary = (values: readonly number[], digits: number) => {
  const sorted = values.toSorted((a, b) => a - b).map((value) => Number(value.toFixed(digits)));
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
};

const times = (all: readonly Measured[]) => ({
  milliseconds: summary(
    all.map((one) => one.milliseconds),
    0,
  ),
  peakMebibytes: Math.round(Math.max(...all.map((one) => one.peakMebibytes))),
});

const ratios = (ours: readonly Measured[], theirs: readonly Measured[]) =>
  summary(
    ours.map(({ milliseconds }, i) => milliseconds / theirs[i]!.milliseconds),
    2,
  );

async function measure(images: string, setting: Setting) {
  const ours: Measured[] = [];
  const pytorch: Measured[] = [];
  const pytorchCached: Measured[] = [];
  for (let repeat = 0; repeat < Number(flags.repeats); repeat++) {
    ours.push(await ftctl(images, setting));
    pytorch.push(ddp(images, setting, false));
    if (setting.train !== 'all') pytorchCached.push(ddp(images, setting, true));
  }
  return {
    ...setting,
    ftctl: times(ours),
    pytorch: times(pytorch),
    timesPytorch: ratios(ours, pytorch),
    ...(pytorchCached.length === 0
      ? {}
      : {
          pytorchCached: times(pytorchCached),
          timesPytorchCached: ratios(ours, pytorchCached),
        }),
  };
}

try {
  const images = await noiseImages(join(work, 'images'), data);
  const rows = [];
  for (const train of flags.train.split(',')) {
    for (const batchNorm of flags['batch-norm'].split(',')) {
      for (const workers of flags.workers.split(',').map(Number)) {
        rows.push(await measure(images, { train, batchNorm, workers }));
      }
    }
  }
  const report = {
    bench: 'train-step',
    date: new Date().toISOString().slice(0, 10),
    node: process.version,
    cores: cpus().length,
    cpu: cpus()[0]?.model,
    network: 'resnet18',
    ...{ imageSize, batch, stepsPerEpoch: numTrain / batch.size, epochs: numEpochs },
    repeats: Number(flags.repeats),
    results: rows,
  };
  console.log(JSON.stringify(report, null, 2));
  if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, null, 2)}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}
