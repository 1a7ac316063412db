import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { VectorPool } from '../../../src/collective/vector-pool.js';
import type { Partial } from '../../../src/collective/messages.js';
import { networkEngine } from '../../../src/engines/network/network-engine.js';
import { torchDefault } from '../../../src/models/initialisation.js';
import { trainingGraph } from '../../../src/models/derivatives/training-graph.js';
import { imagesName } from '../../../src/models/network.js';
import { NetworkBuilder, symmetric } from '../../../src/models/network-builder.js';
import { parameterLayout } from '../../../src/models/parameter-layout.js';
import { stateDictSpecs } from '../../../src/models/tensor-specs.js';
import { randomBatch, randomFloats } from './phase-batches.js';

const imageSize = 8;
const numClasses = 5;

/** Two convolutions whose gradients are large enough to be summed within the graph, in different lowerings, and small ones. */
function convolutions() {
  const builder = new NetworkBuilder('Sums', { conv2d: torchDefault, linear: torchDefault });
  let x = builder.conv('first', imagesName, 64, { kernel: 3, padding: symmetric(1) });
  x = builder.conv('large', builder.relu('active', x), 160, { kernel: 3, padding: symmetric(1) });
  x = builder.conv('small', x, 48, { kernel: 5, stride: 4, padding: symmetric(1) });
  x = builder.flatten('flat', builder.adaptiveAvgPool('means', x, 1));
  return builder.build({ classifier: builder.linear('logits', x, numClasses) });
}

/** Of the bits of all sums and of the nodes that they are of. */
function hashOf(partials: readonly Partial[]): string {
  const hash = createHash('sha256');
  for (const { node, values } of partials) hash.update(`${node}:`).update(values);
  return hash.digest('hex');
}

test('gradients that a graph sums over its shards have the bits of those that are summed outside of it', async () => {
  const network = convolutions();
  const specs = stateDictSpecs(network);
  const layout = parameterLayout(specs);
  const trained = new Set(specs.map(({ name }) => name));
  const sizes = { rowsPerShard: 2, numFeatures: 3 * imageSize ** 2, numClasses };
  const batch = randomBatch({ ...sizes, numShards: 8 }, 2);
  const tensors = {
    parameters: randomFloats(layout.length, 0.1, 3),
    statistics: new Float32Array(0),
  };
  const results: string[] = [];
  const numSummed: number[] = [];
  for (const maxShards of [1, 2, 4, 8]) {
    const engine = networkEngine({
      graph: (pass, numShards, sumsShards) => {
        if (sumsShards) numSummed.push(numShards);
        return trainingGraph({
          ...{ network, imageSize, trained, moved: trained, state: trained, pass, numShards },
          ...{ sumsShards, batchNorm: 'frozen', auxiliaryWeight: 0, tensors: new Map() },
          rowsPerShard: sizes.rowsPerShard,
          boundaries: [imagesName],
        });
      },
      ...{ network, ...sizes, layout, trained, statistics: [], moving: new Set() },
      provider: 'cpu',
      maxShards: { gradient: maxShards, evaluation: maxShards },
      isGivenUp: () => false,
      pool: new VectorPool(),
    });
    const place = { firstShard: 0, numShards: 8, numShardsOfRun: 8 };
    results.push(hashOf(await engine.gradients([batch], place, tensors)));
    await engine.close();
  }
  expect(numSummed).toEqual([2, 4, 8]);
  expect(new Set(results).size).toBe(1);
});
