import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { finishTree } from '../../../src/collective/tree.js';
import { VectorPool } from '../../../src/collective/vector-pool.js';
import { networkEngine } from '../../../src/engines/network/network-engine.js';
import type {
  PhaseEngine,
  ShardBatch,
  TrainingTensors,
} from '../../../src/engines/phase-engine.js';
import { trainingGraph } from '../../../src/models/derivatives/training-graph.js';
import { torchDefault } from '../../../src/models/initialisation.js';
import { NetworkBuilder, symmetric } from '../../../src/models/network-builder.js';
import { imagesName, type Network } from '../../../src/models/network.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import { resolveTrained, trainedBatchNorms } from '../../../src/models/split-point.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { randomBatch, randomFloats, range, selectShards, withDropout } from './phase-batches.js';

/*
 * onnxruntime has other kernels for products of a single row or column, and may merge small products into large ones: what is one of
 * many shards in a run could have other bits alone. One row a shard, two classes and many are where that shows.
 */
const numShards = 8;
const imageSize = 8;

/** Convolutions with batch norm, and a classifier with a hidden layer: its large gradients may be summed within the graph. */
function convolutions(numClasses: number): Network {
  const net = new NetworkBuilder('Partitions', { conv2d: torchDefault, linear: torchDefault });
  const conv = (name: string, input: string, channels: number, stride: number): string => {
    const x = net.conv(name, input, channels, { kernel: 3, stride, padding: symmetric(1) });
    return net.relu(`${name}.relu`, net.batchNorm(`${name}.norm`, x));
  };
  // 8 x 8 pixels, then 4 x 4.
  const x = net.adaptiveAvgPool('as_is', conv('second', conv('first', imagesName, 8, 1), 16, 2), 4);
  const hidden = net.linear('hidden', net.flatten('flat', x), 160);
  const dropped = net.dropout('drop', net.relu('active', hidden), 0.3);
  return net.build({ classifier: net.linear('logits', dropped, numClasses) });
}

/** One pixel after pooling, and a classifier of the pooled features alone. */
function pooled(numClasses: number): Network {
  const net = new NetworkBuilder('Pooled', { conv2d: torchDefault, linear: torchDefault });
  const x = net.conv('first', imagesName, 40, { kernel: 3, stride: 2, padding: symmetric(1) });
  const means = net.adaptiveAvgPool('means', net.relu('active', net.batchNorm('norm', x)), 1);
  return net.build({ classifier: net.linear('logits', net.flatten('flat', means), numClasses) });
}

interface Case {
  readonly network: Network;
  readonly numClasses: number;
  readonly rowsPerShard: number;
  readonly batchNorm: 'frozen' | 'shard';
}

/** All that an engine of the case is made of, but how many shards its runs have and whether graphs sum over them. */
function partsOf({ network, numClasses, rowsPerShard, batchNorm }: Case) {
  const specs = stateDictSpecs(network).filter(({ role }) => role === 'parameter');
  const trained = new Set(resolveTrained(network, { train: ['all'], except: [] }));
  const norms = trainedBatchNorms(network, trained);
  const statistics = norms.map(({ name, channels }) => ({ layer: name, channels }));
  const layout = parameterLayout(specs);
  const state = new Set([
    ...trained,
    ...norms.flatMap(({ name }) => [`${name}.running_mean`, `${name}.running_var`]),
  ]);
  const sizes = { rowsPerShard, numFeatures: 3 * imageSize ** 2, numClasses };
  const numStatistics = 2 * statistics.reduce((sum, { channels }) => sum + channels, 0);
  const tensors: TrainingTensors = {
    parameters: randomFloats(layout.length, 0.3, 3),
    statistics: randomFloats(numStatistics, 1, 4).map(Math.abs),
  };
  const batch = withDropout(randomBatch({ ...sizes, numShards }, 5), 1);
  const open = (maxShards: number, inGraph: boolean): PhaseEngine =>
    networkEngine({
      graph: (pass, shards, sumsShards) =>
        trainingGraph({
          ...{ network, imageSize, trained, moved: trained, state, pass, batchNorm, rowsPerShard },
          ...{ numShards: shards, sumsShards: sumsShards && inGraph, auxiliaryWeight: 0 },
          ...{ boundaries: [imagesName], tensors: new Map() },
        }),
      ...{ network, ...sizes, layout, trained, statistics },
      moving: new Set(batchNorm === 'shard' ? norms.map(({ name }) => name) : []),
      provider: 'cpu',
      maxShards: { gradient: maxShards, evaluation: maxShards },
      isGivenUp: () => false,
      pool: new VectorPool(),
    });
  return { batch, tensors, open };
}

/** Of workers that own so many shards each: of the bits of the tree's sum. */
async function hashOfSum(
  engine: PhaseEngine,
  owned: readonly number[],
  batch: ShardBatch,
  tensors: TrainingTensors,
): Promise<string> {
  const partials = new Map<number, Float32Array>();
  let first = 0;
  for (const count of owned) {
    const own = selectShards(batch, range(first, first + count));
    const place = { firstShard: first, numShards: count, numShardsOfRun: numShards };
    for (const { node, values } of await engine.gradients([own], place, tensors)) {
      partials.set(node, values);
    }
    first += count;
  }
  const sum = finishTree(numShards, partials);
  expect(sum.every(Number.isFinite)).toBe(true);
  return createHash('sha256').update(sum).digest('hex');
}

/** Together they have runs of 1, 2, 4 and 8 shards at each place. */
const workers: readonly (readonly number[])[] = [[8], [4, 4], [1, 7], [3, 2, 3]];

describe("the bits of a step's sum are the same however its shards are divided over workers and runs", () => {
  for (const [name, build] of Object.entries({ convolutions, pooled })) {
    for (const numClasses of [2, 102, 1000]) {
      for (const rowsPerShard of [1, 2, 4]) {
        for (const batchNorm of ['frozen', 'shard'] as const) {
          test(`${name}, ${numClasses} classes, ${rowsPerShard} rows a shard, batch norm ${batchNorm}`, async () => {
            const network = build(numClasses);
            const parts = partsOf({ network, numClasses, rowsPerShard, batchNorm });
            const hashes = new Map<string, string>();
            for (const maxShards of [1, 2, 4, 8]) {
              for (const inGraph of maxShards === 1 ? [false] : [false, true]) {
                const engine = parts.open(maxShards, inGraph);
                for (const owned of workers) {
                  const what = `${owned.join()} shards, ${maxShards} in a run, sums ${inGraph ? 'in' : 'outside of'} the graph`;
                  hashes.set(what, await hashOfSum(engine, owned, parts.batch, parts.tensors));
                }
                await engine.close();
              }
            }
            const [expected] = hashes.values();
            const differing = [...hashes].filter(([, hash]) => hash !== expected);
            expect(differing.map(([what]) => what)).toEqual([]);
          });
        }
      }
    }
  }
});
