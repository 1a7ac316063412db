import { VectorPool } from '../collective/vector-pool.js';
import { torchDefault } from '../models/initialisation.js';
import { NetworkBuilder, symmetric } from '../models/network-builder.js';
import { imagesName, type Network } from '../models/network.js';
import { trainingGraph } from '../models/derivatives/training-graph.js';
import { parameterLayout } from '../models/parameter-layout.js';
import { stateDictSpecs } from '../models/tensor-specs.js';
import { networkEngine } from './network/network-engine.js';
import type { Provider } from './onnx-session.js';
import type { ShardBatch } from './phase-engine.js';

const imageSize = 17;

/** A convolution, batch norm, overlapping max pooling, a depthwise and a 1x1 convolution: the kernels of networks and of their gradients. */
function probeNetwork(numClasses: number): Network {
  const builder = new NetworkBuilder('Probe', { conv2d: torchDefault, linear: torchDefault });
  let x = builder.conv('dense', imagesName, 8, { kernel: 3, stride: 2, padding: symmetric(1) });
  x = builder.batchNorm('normalised', x);
  x = builder.relu('active', x);
  x = builder.maxPool('pooled', x, { kernel: 3, stride: 2, padding: symmetric(1) });
  x = builder.conv('depthwise', x, 8, { kernel: 3, padding: symmetric(1), groups: 8 });
  x = builder.conv('pointwise', x, 12, { kernel: 1 });
  x = builder.flatten('flat', builder.adaptiveAvgPool('means', x, 1));
  return builder.build({ classifier: builder.linear('logits', x, numClasses) });
}

/** The step vector's sum over the shards of one batch, of a small network whose parameters are all trained. */
export async function probeGradients(
  provider: Provider,
  values: (length: number, salt: number) => Float32Array,
  batchOf: (numFeatures: number, salt: number) => ShardBatch,
): Promise<readonly Float32Array[]> {
  const batch = batchOf(3 * imageSize ** 2, 9);
  const { numShards, rowsPerShard } = batch;
  const numClasses = batch.targets_SBK.length / (numShards * rowsPerShard);
  const network = probeNetwork(numClasses);
  const layout = parameterLayout(
    stateDictSpecs(network).filter(({ role }) => role === 'parameter'),
  );
  const trained = new Set(layout.entries.map(({ name }) => name));
  const engine = networkEngine({
    graph: (pass, _, sumsShards) =>
      trainingGraph({
        ...{ network, imageSize, trained, moved: trained, state: trained },
        ...{ pass, numShards, sumsShards, rowsPerShard, batchNorm: 'shard', auxiliaryWeight: 0 },
        tensors: new Map(),
        boundaries: [imagesName],
      }),
    ...{ network, rowsPerShard, numClasses, layout, trained, provider },
    numFeatures: 3 * imageSize ** 2,
    statistics: [],
    moving: new Set(),
    maxShards: { gradient: numShards, evaluation: numShards },
    isGivenUp: () => false,
    pool: new VectorPool(),
  });
  try {
    const partials = await engine.gradients(
      [batch],
      { firstShard: 0, numShards, numShardsOfRun: numShards },
      { parameters: values(layout.length, 10), statistics: new Float32Array(0) },
    );
    return partials.map((partial) => partial.values);
  } finally {
    await engine.close();
  }
}
