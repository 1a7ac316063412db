/**
 * Milliseconds of a gradient alone: resnet18 at 64 px, 32 rows in 8 shards, `train: all` and `train: layer4` behind given features, one
 * thread, beside PyTorch's of the same rows in the same run (`--python PATH` of an interpreter with torch and torchvision). Ours are
 * the partial sums of the 8 shards' gradients as the engine gives them; PyTorch has no shards.
 *
 *     npx tsx bench/gradients.bench.ts --python PATH [--train all,layer4] [--batch-norm frozen,shard] [--shards-per-run 8] [--pairs 9] [--out FILE]
 *
 * The two take turns, and a ratio is that of neighbours: what else the machine does meets both.
 */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { VectorPool } from '../src/collective/vector-pool.js';
import { networkEngine } from '../src/engines/network/network-engine.js';
import type { ShardBatch } from '../src/engines/phase-engine.js';
import { trainingGraph } from '../src/models/derivatives/training-graph.js';
import { imagesName } from '../src/models/network.js';
import { parameterLayout } from '../src/models/parameter-layout.js';
import { describeNetwork, torchvisionSpec } from '../src/models/registry.js';
import { inferShapes } from '../src/models/shapes.js';
import {
  boundariesOf,
  phaseSuffix,
  resolveTrained,
  trainedBatchNorms,
} from '../src/models/split-point.js';
import { numElements, stateDictSpecs } from '../src/models/tensor-specs.js';
import { randomWeights } from '../src/models/weights/random-weights.js';
import { floatsOf } from '../src/models/weights/tensor-set.js';
import { JudgeProcess } from '../test/support/judge-process.js';

const { values: flags } = parseArgs({
  options: {
    python: { type: 'string' },
    train: { type: 'string', default: 'all,layer4' },
    'batch-norm': { type: 'string', default: 'frozen' },
    'shards-per-run': { type: 'string', default: '8' },
    pairs: { type: 'string', default: '9' },
    out: { type: 'string' },
  },
});
if (flags.python === undefined) throw new Error('--python PATH of an interpreter with torch');

const imageSize = 64;
const numClasses = 16;
const numShards = 8;
const rowsPerShard = 4;
const numRows = numShards * rowsPerShard;
const network = describeNetwork(torchvisionSpec('resnet18', 1, numClasses));
const weights = randomWeights(network, 1);

/** Something like noise, without a generator. */
const noise = (length: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => 1.5 * Math.sin(i * 12.9898 + 0.5));

function batchOf(numFeatures: number): ShardBatch {
  const labels_SB = Int32Array.from({ length: numRows }, (_, row) => row % numClasses);
  const targets_SBK = new Float32Array(numRows * numClasses);
  for (const [row, label] of labels_SB.entries()) targets_SBK[row * numClasses + label] = 1;
  return {
    ...{ numShards, rowsPerShard, targets_SBK, labels_SB, mix: null, dropout: null },
    features_SBF: noise(numRows * numFeatures),
    weights_S: new Float32Array(numShards).fill(rowsPerShard),
    counts_S: new Float32Array(numShards).fill(rowsPerShard),
  };
}

/** Computes the gradient once, and says how long that took; and how many parameters there are. */
function openOurs(train: string, batchNorm: 'frozen' | 'shard') {
  const trained = new Set(resolveTrained(network, { train: [train], except: [] }));
  const boundaries = boundariesOf(network, phaseSuffix(network, trained));
  const shapes = inferShapes(network, imageSize);
  const numFeatures = boundaries.reduce(
    (sum, name) => sum + numElements(name === imagesName ? [3, 64, 64] : shapes.get(name)!),
    0,
  );
  const norms = batchNorm === 'shard' ? trainedBatchNorms(network, trained) : [];
  const moving = norms.flatMap(({ name }) => [`${name}.running_mean`, `${name}.running_var`]);
  const layout = parameterLayout(stateDictSpecs(network).filter(({ name }) => trained.has(name)));
  const parameters = new Float32Array(layout.length);
  for (const { name, offset } of layout.entries) parameters.set(floatsOf(weights, name), offset);
  const statistics = Float32Array.from(moving.flatMap((name) => [...floatsOf(weights, name)]));
  const perRun = Number(flags['shards-per-run']);
  const engine = networkEngine({
    graph: (pass, shards, sumsShards) =>
      trainingGraph({
        ...{ network, tensors: weights, imageSize, boundaries, trained, batchNorm, rowsPerShard },
        ...{ pass, numShards: shards, state: new Set([...trained, ...moving]) },
        ...{ auxiliaryWeight: 0.4, moved: trained, sumsShards },
      }),
    ...{ network, rowsPerShard, numFeatures, numClasses, layout, trained },
    statistics: norms.map(({ name, channels }) => ({ layer: name, channels })),
    moving: new Set(norms.map(({ name }) => name)),
    provider: 'cpu',
    maxShards: { gradient: perRun, evaluation: perRun },
    isGivenUp: () => false,
    pool: new VectorPool(),
  });
  const batch = batchOf(numFeatures);
  const place = { firstShard: 0, numShards, numShardsOfRun: numShards };
  return {
    numParameters: layout.length,
    run: async (): Promise<number> => {
      const begin = performance.now();
      await engine.gradients([batch], place, { parameters, statistics });
      return performance.now() - begin;
    },
    close: () => engine.close(),
  };
}

const summary = (values: readonly number[], digits: number) => {
  const sorted = values.toSorted((a, b) => a - b).map((value) => Number(value.toFixed(digits)));
  return { min: sorted[0], median: sorted[sorted.length >> 1], max: sorted.at(-1) };
};

const peer = new JudgeProcess(
  flags.python,
  fileURLToPath(new URL('peers/gradients.py', import.meta.url)),
);
const rows = [];
let torch = '';
try {
  for (const train of flags.train.split(',')) {
    for (const batchNorm of flags['batch-norm'].split(',') as ('frozen' | 'shard')[]) {
      const request = { train, batchNorm, rows: numRows, imageSize, numClasses, threads: 1 };
      const opened = (await peer.ask('open', request)) as { torch: string; parameters: number };
      torch = opened.torch;
      const ours = openOurs(train, batchNorm);
      if (opened.parameters !== ours.numParameters) {
        throw new Error(
          `PyTorch trains ${opened.parameters} parameters, not ${ours.numParameters}`,
        );
      }
      const theirs = async () =>
        ((await peer.ask('run', {})) as { milliseconds: number }).milliseconds;
      const times: { ours: number; pytorch: number }[] = [];
      // The first pair warms up.
      for (let pair = 0; pair <= Number(flags.pairs); pair++) {
        const measured = { ours: await ours.run(), pytorch: await theirs() };
        if (pair > 0) times.push(measured);
      }
      await ours.close();
      rows.push({
        ...{ train, batchNorm, parameters: ours.numParameters },
        ours: summary(
          times.map((time) => time.ours),
          1,
        ),
        pytorch: summary(
          times.map((time) => time.pytorch),
          1,
        ),
        timesPytorch: summary(
          times.map((time) => time.ours / time.pytorch),
          3,
        ),
      });
    }
  }
} finally {
  await peer.close();
}
const report = {
  bench: 'gradients',
  date: new Date().toISOString().slice(0, 10),
  node: process.version,
  torch,
  cpu: cpus()[0]?.model,
  network: 'resnet18',
  ...{ imageSize, rows: numRows, shards: numShards, threads: 1, pairs: Number(flags.pairs) },
  shardsPerRun: Number(flags['shards-per-run']),
  results: rows,
};
console.log(JSON.stringify(report, null, 2));
if (flags.out !== undefined) writeFileSync(flags.out, `${JSON.stringify(report, null, 2)}\n`);
