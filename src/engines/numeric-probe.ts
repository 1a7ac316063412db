import { createHash } from 'node:crypto';
import { GraphBuilder } from '../models/onnx/graph-builder.js';
import { headLayout } from '../models/head.js';
import { openHeadEngine } from './head-engine.js';
import { OnnxSession, type Provider } from './onnx-session.js';
import type { ShardBatch } from './phase-engine.js';
import { probeGradients } from './probe-network.js';

/** Values in [-1, 1) that need no mathematical function: a multiplicative hash (Knuth) of the index. */
function values(length: number, salt: number): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => (Math.imul(i + salt, 0x9e3779b1) >>> 0) / 2 ** 31 - 1,
  );
}

/** Convolutions (dense 3x3, depthwise, 1x1), pooling, a matrix product and softmax: the backbones' kernels. */
function probeGraph(): Uint8Array {
  const graph = new GraphBuilder('probe');
  const weight = (name: string, dims: readonly number[], salt: number): string =>
    graph.constant(
      name,
      dims,
      values(
        dims.reduce((a, b) => a * b, 1),
        salt,
      ),
    );
  graph.input('images', 'float', ['N', 3, 17, 17]);
  const same = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
  let x = graph.node('Conv', 'dense', ['images', weight('w1', [32, 3, 3, 3], 1)], {
    ...same,
    strides: [2, 2],
  });
  x = graph.node('Relu', 'relu', [x]);
  x = graph.node('Conv', 'depthwise', [x, weight('w2', [32, 1, 3, 3], 2)], { ...same, group: 32 });
  x = graph.node('Conv', 'pointwise', [x, weight('w3', [40, 32, 1, 1], 3)], {
    kernel_shape: [1, 1],
  });
  x = graph.node('GlobalAveragePool', 'pool', [x]);
  x = graph.node('Flatten', 'flat', [x], { axis: 1 });
  x = graph.node('Gemm', 'logits', [x, weight('w4', [10, 40], 4)], { transB: 1 });
  graph.node('Softmax', 'probabilities', [x], { axis: 1 });
  graph.output('probabilities', 'float', ['N', 10]);
  return graph.build();
}

const numClasses = 5;

/** Two shards of three rows. */
function probeBatch(numFeatures: number, salt: number): ShardBatch {
  const [numShards, rowsPerShard] = [2, 3];
  const rows = numShards * rowsPerShard;
  const labels_SB = Int32Array.from({ length: rows }, (_, i) => i % numClasses);
  const targets_SBK = new Float32Array(rows * numClasses);
  for (const [row, label] of labels_SB.entries()) targets_SBK[row * numClasses + label] = 1;
  return {
    ...{ numShards, rowsPerShard, targets_SBK, labels_SB, mix: null, dropout: null },
    features_SBF: values(rows * numFeatures, salt),
    weights_S: new Float32Array(numShards).fill(rowsPerShard),
    counts_S: new Float32Array(numShards).fill(rowsPerShard),
  };
}

/** The step vector's sum over the two shards, of a classifier. */
async function probeClassifier(provider: Provider): Promise<readonly Float32Array[]> {
  const numFeatures = 33;
  const names = { weightName: 'weight', biasName: 'bias' };
  const head = { kind: 'linear' as const, ...names, numFeatures, numClasses };
  const layout = headLayout(head);
  const batch = probeBatch(numFeatures, 7);
  const { numShards, rowsPerShard } = batch;
  const engine = await openHeadEngine({ head, layout, rowsPerShard, provider });
  try {
    const partials = await engine.gradients(
      [batch],
      { firstShard: 0, numShards, numShardsOfRun: numShards },
      { parameters: values(layout.length, 8), statistics: new Float32Array(0) },
    );
    return partials.map((partial) => partial.values);
  } finally {
    await engine.close();
  }
}

/** V8's own functions, which augmentation and schedules use. */
function mathValues(): Float64Array {
  const functions = [Math.sin, Math.cos, Math.tan, Math.exp, Math.sqrt, Math.cbrt, Math.expm1];
  const arguments_ = Array.from(values(16, 5), (value) => value * 10);
  return Float64Array.from([
    ...functions.flatMap((f) => arguments_.map((x) => f(Math.abs(x)))),
    ...arguments_.map((x) => Math.log(Math.abs(x))),
    ...arguments_.map((x) => Math.pow(Math.abs(x), 1.7)),
  ]);
}

/**
 * Hash of the results of tiny computations with the engine's kernels and the JavaScript engine's functions. Two machines whose
 * probes differ compute different bits; equal probes make equal bits likely, and the fingerprint covers the rest. Needs no
 * weights. Rejects with FT_ENGINE_UNAVAILABLE.
 */
export async function numericProbe(o: { readonly provider?: Provider } = {}): Promise<string> {
  const provider = o.provider ?? 'cpu';
  const hash = createHash('sha256');
  const add = (data: Float32Array | Float64Array): void => {
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  };
  const session = await OnnxSession.open(probeGraph(), { provider, threads: 1 });
  try {
    const images = { data: values(2 * 3 * 17 * 17, 6), dims: [2, 3, 17, 17] };
    add((await session.run({ images }))['probabilities']!);
  } finally {
    await session.close();
  }
  for (const vector of await probeClassifier(provider)) add(vector);
  for (const vector of await probeGradients(provider, values, probeBatch)) add(vector);
  add(mathValues());
  return hash.digest('hex');
}
