import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { filesBeside } from '../../../src/models/weights/files-beside.js';
import { inspectWeights } from '../../../src/models/weights/inspect-weights.js';
import { readTfjsFiles } from '../../../src/models/weights/tfjs/tfjs-files.js';
import { readWeightsFile } from '../../../src/models/weights/weights-file.js';
import { weightsIdentity } from '../../../src/models/weights/weights-identity.js';
import { onnxOf } from '../../support/weights/onnx-bytes.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-hostile-'));
});
afterEach(() => rm(dir, { recursive: true }));

/** A model of one float32 whose value is in another file. */
async function modelNaming(location: string): Promise<{ path: string; bytes: Buffer }> {
  const path = join(dir, 'model.onnx');
  const bytes = onnxOf([{ name: 'w', dims: [1], type: 1, external: { location } }]);
  await writeFile(path, bytes);
  return { path, bytes };
}

/** Of POSIX; Node has no call for it. */
const makePipe = 'mkfifo';
const pipe = (name: string): string => {
  const path = join(dir, name);
  execFileSync(makePipe, [path]);
  return path;
};

describe('a pipe', () => {
  test('is refused as a file of weights, and not waited for', async () => {
    const path = pipe('w.pth');
    await expect(readWeightsFile(path)).rejects.toMatchObject({
      code: 'FT_WEIGHTS_NOT_FOUND',
      message: expect.stringContaining('it is no plain file') as string,
    });
    const source = { type: 'file', path } as const;
    await expect(weightsIdentity(source, 0)).rejects.toMatchObject({
      code: 'FT_WEIGHTS_NOT_FOUND',
    });
  });

  test('that a model says its values are in is refused too', async () => {
    pipe('w.bin');
    const { path, bytes } = await modelNaming('w.bin');
    const external = await filesBeside(path, bytes);
    expect(() => external('w.bin')).toThrow('its file w.bin cannot be read');
  });
});

describe('the files that a model says its values are in', () => {
  test('are a part of what it is: a change of any of them is a change of it', async () => {
    const { path } = await modelNaming('any name.bin');
    const source = { type: 'file', path } as const;
    const without = await weightsIdentity(source, 0);
    await writeFile(join(dir, 'any name.bin'), Buffer.alloc(4));
    const before = await weightsIdentity(source, 0);
    expect(before).not.toEqual(without);
    expect(await weightsIdentity(source, 0)).toEqual(before);
    await writeFile(join(dir, 'any name.bin'), Buffer.alloc(4, 1));
    expect(await weightsIdentity(source, 0)).not.toEqual(before);
  });

  test('lie beside it', async () => {
    for (const location of ['../w.bin', '/etc/hostname', '.w', 'a/b', 'a\\b', '']) {
      const { path, bytes } = await modelNaming(location);
      const external = await filesBeside(path, bytes);
      expect(() => external(location)).toThrow(
        `it names the file ${JSON.stringify(location)}, which is not beside it`,
      );
    }
  });

  test('are read with it', async () => {
    const { path } = await modelNaming('real.bin');
    await writeFile(join(dir, 'elsewhere'), Buffer.from(Float32Array.of(7).buffer));
    await symlink(join(dir, 'elsewhere'), join(dir, 'real.bin'));
    const report = await inspectWeights({ type: 'file', path }, { cacheDir: dir });
    expect(report.numElements).toBe(1);
  });

  test('are not looked for where the model is no message', async () => {
    const path = join(dir, 'model.onnx');
    await writeFile(path, Buffer.from([8, 8, 0x3a, 0xff, 0xff]));
    const source = { type: 'file', path } as const;
    await expect(weightsIdentity(source, 0)).resolves.toBeDefined();
    await expect(inspectWeights(source, { cacheDir: dir })).rejects.toMatchObject({
      code: 'FT_WEIGHTS_DAMAGED',
    });
  });
});

describe('the model.json of tfjs', () => {
  test('names each of its files once', async () => {
    const path = join(dir, 'model.json');
    const groups = [
      { paths: ['a.bin'], weights: [] },
      { paths: ['b.bin', 'a.bin'], weights: [] },
    ];
    await writeFile(path, JSON.stringify({ weightsManifest: groups }));
    await expect(readTfjsFiles(path)).rejects.toMatchObject({
      code: 'FT_WEIGHTS_DAMAGED',
      message: `${path} is no model.json of tfjs. Its weightsManifest names a.bin twice.`,
    });
  });
});
