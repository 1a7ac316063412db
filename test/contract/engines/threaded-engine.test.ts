import { expect, test } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { openThreadedEngine } from '../../../src/engines/threaded-engine.js';
import { headLayout } from '../../../src/models/head.js';
import { headOfSize } from './heads.js';
import { randomBatch, randomFloats } from './phase-batches.js';

const sizes = { numShards: 3, rowsPerShard: 5, numFeatures: 7, numClasses: 4 };
const head = headOfSize(7, 4);
const layout = headLayout(head);
const options = { kind: 'head', head, layout, rowsPerShard: 5, provider: 'cpu' } as const;
const batch = randomBatch(sizes, 1);
const place = { firstShard: 0, numShards: 3, numShardsOfRun: 3 };
const tensors = {
  parameters: randomFloats(layout.length, 0.1, 2),
  statistics: new Float32Array(0),
};

test('a closed thread rejects what waits for it and what comes after', async () => {
  const engine = await openThreadedEngine(options);
  const waiting = engine.gradients([batch], place, tensors);
  const expected = {
    code: 'FT_ENGINE_FAILED',
    message: 'The thread that computes gradients has ended. The engine was closed.',
  };
  const [outcome] = await Promise.all([
    waiting.then(
      () => 'answered before it ended',
      (error: unknown) => error,
    ),
    engine.close(),
  ]);
  if (outcome !== 'answered before it ended') expect(outcome).toMatchObject(expected);
  await expect(engine.evaluate(batch, tensors)).rejects.toMatchObject(expected);
});

test('an error in the thread reaches the caller and the thread goes on', async () => {
  const engine = await openThreadedEngine(options);
  const parameters = tensors.parameters.subarray(1);
  const error = await engine.gradients([batch], place, { ...tensors, parameters }).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FtctlError);
  expect(error).toMatchObject({
    code: 'FT_INTERNAL',
    message: expect.stringContaining("31 parameters are not those of the run's state") as string,
  });
  expect((await engine.gradients([batch], place, tensors)).length).toBe(1);
  await engine.close();
});

test('parameters in shared memory and in plain memory give the same bits, also after they have moved', async () => {
  const engine = await openThreadedEngine(options);
  const shared = new Float32Array(new SharedArrayBuffer(4 * layout.length));
  for (const scale of [1, 3]) {
    const moved = tensors.parameters.map((value) => value * scale);
    shared.set(moved);
    const plain = await engine.gradients([batch], place, { ...tensors, parameters: moved });
    const viaShared = await engine.gradients([batch], place, { ...tensors, parameters: shared });
    expect(viaShared).toEqual(plain);
    expect(moved.length).toBe(layout.length);
  }
  await engine.close();
});

test('features that may be given back are lent to the thread, not copied, and come back also with an error', async () => {
  const engine = await openThreadedEngine(options);
  const [expected] = await engine.gradients([batch, batch], place, tensors);
  const scores = await engine.evaluate(batch, tensors);
  const back: Float32Array[] = [];
  const lent = () => ({
    ...batch,
    features_SBF: batch.features_SBF.slice(),
    giveBack: (features_SBF: Float32Array) => void back.push(features_SBF),
  });
  const batches = [lent(), lent()];
  const gradients = engine.gradients(batches, place, tensors);
  expect(batches.map(({ features_SBF }) => features_SBF.length)).toEqual([0, 0]);
  expect((await gradients)[0]!.values).toEqual(expected!.values);
  expect(back).toEqual([batch.features_SBF, batch.features_SBF]);
  const evaluated = lent();
  expect(await engine.evaluate(evaluated, tensors)).toEqual(scores);
  expect(evaluated.features_SBF.length).toBe(0);
  expect(back).toHaveLength(3);
  const parameters = tensors.parameters.slice(1);
  await expect(engine.evaluate(lent(), { ...tensors, parameters })).rejects.toThrow(FtctlError);
  expect(back).toHaveLength(4);
  await engine.close();
});

test('features that are a part of an array are copied', async () => {
  const engine = await openThreadedEngine(options);
  const features_SBF = new Float32Array(batch.features_SBF.length + 1).subarray(1);
  features_SBF.set(batch.features_SBF);
  const giveBack = (): never => {
    throw new Error('Nothing was lent.');
  };
  const scores = await engine.evaluate({ ...batch, features_SBF, giveBack }, tensors);
  expect(scores).toEqual(await engine.evaluate(batch, tensors));
  expect(features_SBF).toEqual(batch.features_SBF);
  await engine.close();
});

test('an engine that cannot be opened says why', async () => {
  const elsewhere = { ...options, head: { ...head, weightName: 'elsewhere.weight' } };
  await expect(openThreadedEngine(elsewhere)).rejects.toMatchObject({
    code: 'FT_INTERNAL',
    message: expect.stringContaining("elsewhere.weight is not in the run's state") as string,
  });
});
