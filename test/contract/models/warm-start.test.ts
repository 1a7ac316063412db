import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/config/load.js';
import type { ArchitectureSpec, Rgb, RunSpec } from '../../../src/config/run-spec.js';
import { prepareModelOf } from '../../../src/coordinator/export-model.js';
import { writeArtifacts } from '../../../src/models/artifacts.js';
import { initialHead } from '../../../src/models/head.js';
import { prepareModel, type PrepareOptions } from '../../../src/models/prepare-model.js';
import type { PreparedModel } from '../../../src/models/prepared-model.js';
import {
  exportedTensors,
  initialParameters,
  initialStatistics,
  type StateVectors,
} from '../../../src/models/run-tensors.js';
import { readRunWeights, type RunWeights } from '../../../src/models/weights/run-weights.js';
import type { TensorSet } from '../../../src/models/weights/tensor-set.js';
import { CheckpointStore } from '../../../src/state/checkpoint-store.js';
import { RunFolder } from '../../../src/state/run-folder.js';
import { encodeSnapshot } from '../../../src/state/snapshot.js';
import { checkTrainedRun, trainedRuns } from '../../../src/state/trained-runs.js';
import { initialState } from '../../../src/state/training-state.js';
import { BlobStore } from '../../../src/util/blob-store.js';

/** Training goes on from a run that has trained a network's last layers, with the statistics of their batch norms. */

const classNames = ['rose', 'tulip', 'daisy'];
let dir = '';
let runsDir = '';
let cacheDir = '';
let blobs: BlobStore;
let first: RunFolder;
let spec: RunSpec;
let prepared: PreparedModel;
let weights: RunWeights;
let best: StateVectors;
let final: StateVectors;

const config = (changes: object = {}): string =>
  JSON.stringify({
    apiVersion: 'ftctl/v1',
    kind: 'TrainingRun',
    name: 'first',
    data: { source: dir, imageSize: 32 },
    model: { architecture: 'mobilenet_v2', width: 0.1, weights: 'random' },
    phases: [{ train: 'features.18', epochs: 2, batchNorm: 'shard' }],
    cache: { path: cacheDir },
    ...changes,
  });

async function makeRun(text: string): Promise<{ folder: RunFolder; spec: RunSpec }> {
  const path = join(dir, 'config.yaml');
  await writeFile(path, text);
  const loaded = await loadConfig({ path });
  const now = new Date('2025-01-31T14:22:33Z');
  const folder = await RunFolder.create(runsDir, loaded.spec.name, loaded.yaml, now);
  return { folder, spec: loaded.spec };
}

const scaled = ({ parameters, statistics }: StateVectors, factor: number): StateVectors => ({
  parameters: parameters.map((value) => value * factor),
  statistics: statistics.map((value) => value * factor),
});

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-warm-'));
  runsDir = join(dir, 'runs');
  cacheDir = join(dir, 'cache');
  blobs = new BlobStore(cacheDir);
  ({ folder: first, spec } = await makeRun(config()));
  prepared = await prepareModelOf(spec, { runsDir, classNames });
  weights = (await readRunWeights(prepared, blobs))!;
  const before = {
    parameters: initialParameters(prepared, weights.tensors, spec.seed),
    statistics: initialStatistics(prepared, weights.tensors),
  };
  best = scaled(before, 1.25);
  final = scaled(before, 1.5);
  await writeArtifacts(first.modelDir, {
    ...{ prepared, blobs, ...best, updates: [3], classIds: classNames, classNames },
  });
  // 3 batches an epoch; the first epoch was the better one.
  const record = (valAccuracy: number) => ({
    ...{ phase: 0, epoch: 0, trainLoss: 1, trainAccuracy: 0.5, valLoss: 1, valAccuracy },
    learningRate: 0.1,
  });
  const history = [record(0.9), record(0.8)];
  const samples = 2 * (2 * spec.batch.size + 1);
  const state = { ...initialState(final), round: 9, history, samples };
  await new CheckpointStore(first).write('final', encodeSnapshot(state), 1);
});
afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

interface Asked {
  readonly weights?: string;
  readonly classNames?: readonly string[];
  readonly model?: Partial<ArchitectureSpec>;
  readonly phases?: PrepareOptions['phases'];
  readonly normalise?: { mean: Rgb; std: Rgb };
}

/** A second run's model and its tensors, and what was said. */
async function second(asked: Asked = {}) {
  const notes: string[] = [];
  const names = asked.classNames ?? classNames;
  const model: ArchitectureSpec = {
    ...{ architecture: 'mobilenet_v2', width: 0.1, integrity: null },
    weights: asked.weights ?? `run:${first.id}`,
    ...asked.model,
  };
  const again = await prepareModel(model, {
    ...{ numClasses: names.length, classNames: names, imageSize: 32, background: [0, 0, 0] },
    ...{ normalise: asked.normalise ?? null, seed: 7, cacheDir },
    ...(asked.phases === undefined ? {} : { phases: asked.phases }),
    findTrainedRun: trainedRuns({ runsDir, cacheDir }),
    onProgress: ({ message }) => notes.push(message),
  });
  const { tensors } = (await readRunWeights(again, blobs))!;
  return { prepared: again, tensors, notes };
}

/** What the first run has trained. */
const trained = (state: StateVectors, updates = 3): TensorSet =>
  exportedTensors(prepared, weights.tensors, state, [updates]);

describe('training on from a run', () => {
  test('begins with all of its best weights, the classifier too where the classes are the same', async () => {
    const { prepared: again, tensors, notes } = await second();
    expect(again.classifier).toBe('kept');
    const expected = trained(best);
    expect(tensors.size).toBe(expected.size);
    for (const [name, tensor] of expected) expect(tensors.get(name)).toEqual(tensor);
    const layout = [...again.parameters].map(({ name }) => name);
    expect(layout).toEqual(['classifier.1.bias', 'classifier.1.weight']);
    expect([...initialParameters(again, tensors, 7)]).toEqual(
      layout.flatMap((name) => [...(expected.get(name)!.data as Float32Array)]),
    );
    expect(notes).toContain(`The classifier of run:${first.id} is kept: its classes are the same.`);
    expect(notes).toContain(`The weights of run:${first.id} are those of its best epoch.`);
  });

  test('or as it ended', async () => {
    const { tensors, notes } = await second({ weights: `run:${first.id}@final` });
    expect(notes).toContain(
      `The weights of run:${first.id}@final are those of its end, after epoch 2.`,
    );
    for (const [name, tensor] of trained(final, 6)) expect(tensors.get(name)).toEqual(tensor);
  });

  test('named by the start of its id or by its folder', async () => {
    const [byId, byStart, byPath] = await Promise.all(
      [`run:${first.id}`, 'run:first-2025', `run:${first.dir}`].map((name) =>
        second({ weights: name }),
      ),
    );
    expect(byStart!.prepared).toEqual(byId!.prepared);
    expect(byPath!.prepared).toEqual(byId!.prepared);
  });

  test('has a new classifier where the classes differ, be it in their order', async () => {
    for (const names of [
      ['rose', 'tulip'],
      ['tulip', 'rose', 'daisy'],
    ]) {
      const { prepared: again, tensors, notes } = await second({ classNames: names });
      expect([tensors.has('classifier.1.weight'), again.classifier]).toEqual([false, 'new']);
      expect(initialParameters(again, tensors, 7)).toEqual(initialHead(again.head, 7));
      expect(notes).toContain(
        `The classifier of run:${first.id} (3 classes) was replaced by a new one of ${names.length}.`,
      );
    }
  });

  test('trains other layers, with what the run has moved in their frozen prefix', async () => {
    const phases = [{ train: ['features.17'], except: [], batchNorm: 'frozen' } as const];
    const { prepared: again, tensors } = await second({ phases });
    expect(again.parameters.some(({ name }) => name === 'features.17.conv.1.0.weight')).toBe(true);
    expect(again.statistics).toEqual([]);
    expect(tensors.get('features.18.1.running_mean')).toEqual(
      trained(best).get('features.18.1.running_mean'),
    );
  });

  test('goes by the contents: a model that is written again alike is the same', async () => {
    const before = await second();
    await writeArtifacts(first.modelDir, {
      ...{ prepared, blobs, ...best, updates: [3], classIds: classNames, classNames },
    });
    const after = await second();
    expect(after.prepared).toEqual(before.prepared);
    expect(after.notes).not.toContain('Loading weights');
    await writeArtifacts(first.modelDir, {
      ...{ prepared, blobs, ...final, updates: [3], classIds: classNames, classNames },
    });
    const other = await second();
    expect(other.prepared.weightsSha256).not.toBe(before.prepared.weightsSha256);
    await writeArtifacts(first.modelDir, {
      ...{ prepared, blobs, ...best, updates: [3], classIds: classNames, classNames },
    });
  });
});

describe('a run that cannot be trained on is refused', () => {
  test('also before a launch, and any other run and other weights are not', async () => {
    const model = { architecture: 'mobilenet_v2', width: 0.1, integrity: null };
    const check = (weights: string, changes: object = {}): Promise<void> =>
      checkTrainedRun({ ...model, weights, ...changes }, runsDir);
    await check('random');
    await check(`run:${first.id}`);
    await check(`run:${first.id}@final`);
    await expect(check('run:other')).rejects.toMatchObject({ code: 'FT_RUN_NOT_FOUND' });
    await expect(check(`run:${first.id}`, { width: 1 })).rejects.toMatchObject({
      code: 'FT_WEIGHTS_MISMATCH',
      remedy:
        'Set `model.architecture` to mobilenet_v2 and `model.width` to 0.1, or name another run.',
    });
  });

  test('where there is none', async () => {
    await expect(second({ weights: 'run:other' })).rejects.toMatchObject({
      code: 'FT_RUN_NOT_FOUND',
      message: `There is no run "other" in ${runsDir}. The nearest of its 1 ids: ${first.id}.`,
    });
  });

  test('where it is of another network', async () => {
    await expect(second({ model: { width: 0.2 } })).rejects.toMatchObject({
      code: 'FT_WEIGHTS_MISMATCH',
      message: `The network is mobilenet_v2 of width 0.2, and model.weights is run:${first.id}. That run trained mobilenet_v2 of width 0.1.`,
      remedy:
        'Set `model.architecture` to mobilenet_v2 and `model.width` to 0.1, or name another run.',
    });
    await expect(second({ model: { architecture: 'resnet18', width: 1 } })).rejects.toMatchObject({
      code: 'FT_WEIGHTS_MISMATCH',
    });
  });

  test('where its images are normalised otherwise', async () => {
    const normalise: { mean: Rgb; std: Rgb } = { mean: [0, 0, 0], std: [1, 1, 1] };
    await expect(second({ normalise })).rejects.toMatchObject({
      code: 'FT_WEIGHTS_PREPROCESSING',
    });
  });

  test('where it has no model yet', async () => {
    const { folder } = await makeRun(config({ name: 'unfinished' }));
    try {
      await expect(second({ weights: `run:${folder.id}` })).rejects.toMatchObject({
        code: 'FT_ARTIFACTS_NOT_FOUND',
        message: expect.stringContaining(`The run ${folder.id} has no model yet.`) as string,
      });
    } finally {
      await folder.remove();
    }
  });

  test('where its final state is gone', async () => {
    const { folder } = await makeRun(config({ name: 'emptied' }));
    try {
      await writeArtifacts(folder.modelDir, {
        ...{ prepared, blobs, ...best, updates: [3], classIds: classNames, classNames },
      });
      await expect(second({ weights: `run:${folder.id}@final` })).rejects.toMatchObject({
        code: 'FT_CHECKPOINT_DAMAGED',
        message: `The run ${folder.id} has no checkpoint. ${folder.checkpointsDir} is empty.`,
      });
    } finally {
      await folder.remove();
    }
  });

  test('where there are no runs at all', async () => {
    const model = { architecture: 'mobilenet_v2', width: 0.1, weights: 'run:x', integrity: null };
    const options = { imageSize: 32, background: [0, 0, 0], normalise: null, seed: 7 } as const;
    await expect(
      prepareModel(model, { ...options, numClasses: 3, cacheDir }),
    ).rejects.toMatchObject({
      code: 'FT_WEIGHTS_SOURCE',
      message: 'model.weights is "run:x". There are no runs to look for it in.',
    });
  });
});
