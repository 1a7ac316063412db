import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspectWeights } from '../../../src/models/weights/inspect-weights.js';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-tfjs-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

type Weights = Readonly<Record<string, readonly number[]>>;

/** Writes a model.json of one convolution whose weights are zeros, and gives its path. */
async function layersModel(weights: Weights): Promise<string> {
  const layer = (name: string, class_name: string, config: object, ...inputs: string[]) => ({
    ...{ name, class_name, config },
    inbound_nodes: inputs.length === 0 ? [] : [inputs.map((input) => [input, 0, 0, {}])],
  });
  const layers = [
    layer('in', 'InputLayer', { batch_input_shape: [null, 16, 16, 3] }),
    layer(
      'conv',
      'Conv2D',
      { filters: 32, kernel_size: [3, 3], strides: [2, 2], padding: 'same', use_bias: false },
      'in',
    ),
    layer('mean', 'GlobalAveragePooling2D', {}, 'conv'),
    layer('out', 'Dense', {}, 'mean'),
  ];
  const config = { layers, output_layers: [['out', 0, 0]] };
  return write({ model_config: { class_name: 'Model', config } }, weights);
}

async function write(modelTopology: object, weights: Weights, more: object = {}): Promise<string> {
  const path = join(dir, 'model.json');
  const entries = Object.entries(weights).map(([name, shape]) => ({
    ...{ name, shape, dtype: 'float32' },
  }));
  const numElements = (shape: readonly number[]) => shape.reduce((n, side) => n * side, 1);
  const length = entries.reduce((sum, { shape }) => sum + numElements(shape), 0);
  await writeFile(join(dir, 'shard.bin'), Buffer.alloc(4 * length));
  const weightsManifest = [{ paths: ['shard.bin'], weights: entries }];
  await writeFile(path, JSON.stringify({ ...more, modelTopology, weightsManifest }));
  return path;
}

const options = () => ({ cacheDir: join(dir, 'cache') });

test('a layers model that is none of our networks is told of, with the nearest ones', async () => {
  const path = await layersModel({
    'conv/kernel': [3, 3, 3, 32],
    'out/kernel': [32, 2],
    'out/bias': [2],
  });
  const report = await inspectWeights({ type: 'tfjs', path }, options());
  expect(report).toMatchObject({
    ...{ source: path, format: 'tfjs-layers', fits: null, normalise: null },
    ...{ numElements: 864 + 64 + 2, types: { float32: 3 } },
    tensors: [
      { name: 'conv/kernel', shape: [3, 3, 3, 32], type: 'float32' },
      { name: 'out/kernel', shape: [32, 2], type: 'float32' },
      { name: 'out/bias', shape: [2], type: 'float32' },
    ],
  });
  // The first convolution of both is 3 x 3 to 32 channels.
  expect(report.nearest.map(({ architecture }) => architecture)).toContain('inception_v3');
  expect(report.nearest[0]).toMatchObject({ architecture: 'mobilenet_v2', matching: 1 });
  expect(report.nearest[0]!.unexpected).toBe(0);
  expect(report.notes[0]).toMatch(/^It is no mobilenet_v2 of width 1: .* of the network is /);
  expect(report.notes[1]).toBe('The nearest are told by the shapes of convolution kernels.');
});

test('a model that has no kernel of ours has no nearest ones', async () => {
  const path = await layersModel({ 'conv/kernel': [9, 9, 3, 5] });
  const { fits, nearest, notes } = await inspectWeights({ type: 'tfjs', path }, options());
  expect([fits, nearest, notes.length]).toEqual([null, [], 1]);
});

test('a graph model says that it is one', async () => {
  const node = [{ name: 'x', op: 'Placeholder' }];
  const path = await write({ node }, { w: [1, 1, 4, 4] }, { format: 'graph-model' });
  const report = await inspectWeights({ type: 'tfjs', path }, options());
  expect(report).toMatchObject({ format: 'tfjs-graph', fits: null, nearest: [] });
  expect(report.notes[0]).toContain('it has no Mul of the image and a number');
});

test('a model.json that cannot be read is refused as damaged, not as another network', async () => {
  const path = await write({ model_config: {} }, {});
  await expect(inspectWeights({ type: 'tfjs', path }, options())).rejects.toMatchObject({
    code: 'FT_WEIGHTS_DAMAGED',
    message: expect.stringContaining(
      `${path} cannot be read: it is no tfjs layers model: `,
    ) as string,
  });
});
