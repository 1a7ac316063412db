import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { backboneFile } from '../support/models/backbone-files.js';
import { ftctl, launched } from '../support/runs/ftctl.js';
import { makeWorld, type World } from '../support/runs/world.js';

let world: World;
beforeAll(async () => {
  world = await makeWorld({
    config: {
      // Beside the configuration, which is where a relative path starts.
      model: { onnx: 'net.onnx', output: 'pooled' },
      phases: [{ train: 'head', epochs: 20, optimizer: { type: 'adam', learningRate: 0.1 } }],
    },
  });
  await writeFile(
    join(world.dir, 'net.onnx'),
    backboneFile({ outputs: ['pooled', 'log'], input: ['batch', 3, 32, 32] }),
  );
});
afterAll(() => world.remove());

const normalise = 'data.normalise={mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25]}';

it('trains a head on an ONNX file, with the same bits on 1 and 3 workers; the model says what it was trained with', async () => {
  const args = [...world.args, '--set', normalise];
  const one = await launched([...args, '--workers', '1'], world.env);
  const three = await launched([...args, '--workers', '3'], world.env);
  expect(three).toMatchObject({ workers: 3, digest: one.digest, train: one.train, val: one.val });
  // Three hues: chance is 1/3.
  expect(one.best!.value).toBeGreaterThan(0.6);

  const evaluated = await ftctl(
    ['evaluate', one.runDir, '--data', world.images, '--json'],
    world.env,
  );
  expect(evaluated.code).toBe(0);
  expect((JSON.parse(evaluated.stdout) as { accuracy: number }).accuracy).toBeGreaterThan(0.6);
  const out = join(world.dir, 'out.onnx');
  const exported = await ftctl(['export', one.runDir, '--format', 'onnx', '--out', out], world.env);
  expect(exported.code).toBe(0);
  const refused = await ftctl(['export', one.runDir, '--format', 'pth'], world.env);
  expect(refused).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('FT_MODEL_NO_STATE_DICT') as string,
  });

  // The exported model is a backbone itself, and its preprocessing is that of the run.
  const next = ['--set', `model.onnx=${out}`, '--set', 'phases.0.epochs=1'];
  await launched([...args, ...next], world.env);
  const other = 'data.normalise={mean: [0, 0, 0], std: [1, 1, 1]}';
  const mismatch = await ftctl(['launch', ...args, ...next, '--set', other], world.env);
  expect(mismatch).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('FT_WEIGHTS_PREPROCESSING') as string,
  });
});

it('is refused before anything is done, without a normalisation or an output', async () => {
  const unsaid = await ftctl(['launch', ...world.args], world.env);
  expect(unsaid).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('data.normalise is missing.') as string,
  });
  const args = ['launch', ...world.args, '--set', normalise, '--set', 'model.output=null'];
  const unnamed = await ftctl(args, world.env);
  expect(unnamed).toMatchObject({
    code: 3,
    stderr: expect.stringContaining('FT_BACKBONE_OUTPUT') as string,
  });
});
