import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { FeaturesResult } from '../../../src/cli/features-from-cli.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import { encodeSafetensors } from '../../../src/models/weights/safetensors.js';
import { findPython } from '../../support/python.js';
import { ftctl, startFtctl } from '../../support/runs/ftctl.js';
import { makeImageFolder } from '../../support/runs/image-folder.js';

const side = 64;
const python = findPython(['torch', 'torchvision', 'safetensors', 'numpy', 'PIL']);
let dir = '';
let images = '';
let weights = '';

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-features-'));
  images = join(dir, 'images');
  weights = join(dir, 'resnet18.safetensors');
  await makeImageFolder(images, { numClasses: 2, perClass: 20, side });
  await mkdir(join(images, 'deep', 'er'), { recursive: true });
  await writeFile(
    join(images, 'deep', 'er', 'one.png'),
    await readFile(join(images, 'class-0', '003.png')),
  );
  const network = describeNetwork(torchvisionSpec('resnet18', 1, 1000));
  await writeFile(weights, encodeSafetensors(randomWeights(network, 5)));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** Runs `ftctl features` on the images, with the weights above. */
function features(out: string, args: readonly string[] = [], folder = images) {
  const sets = [
    'model={architecture: resnet18, weights: ' + weights + '}',
    `data.imageSize=${side}`,
    'data.augment={}',
  ].flatMap((set) => ['--set', set]);
  const env = { FTCTL_CACHE: join(dir, 'cache') };
  return ftctl(['features', folder, '--out', join(dir, out), '--json', ...sets, ...args], env);
}

async function written(out: string, args: readonly string[] = []): Promise<FeaturesResult> {
  const { code, stdout, stderr } = await features(out, args);
  expect(stderr).not.toContain('error');
  expect(code).toBe(0);
  return JSON.parse(stdout) as FeaturesResult;
}

async function refused(args: readonly string[], folder = images, out = 'refused.npy') {
  const { code, stdout } = await features(out, args, folder);
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  expect(existsSync(join(dir, out))).toBe(false);
  return { exit: code, ...error };
}

test('one image file is taken as well as a folder', async () => {
  const all = await written('all.npy');
  const file = join(images, 'class-1', '004.png');
  const { code, stdout } = await features('one.npy', [], file);
  expect(code).toBe(0);
  const one = JSON.parse(stdout) as FeaturesResult;
  expect([one.images, one.shape]).toEqual([['004.png'], [1, 512]]);
  const bytesOf = async (out: string): Promise<Buffer> => {
    const bytes = await readFile(join(dir, out));
    return bytes.subarray(10 + bytes.readUInt16LE(8));
  };
  const row = all.images.indexOf('class-1/004.png') * 4 * 512;
  expect(
    (await bytesOf('one.npy')).equals((await bytesOf('all.npy')).subarray(row, row + 4 * 512)),
  ).toBe(true);
});

test.skipIf(python.path === undefined)(
  'the output of a layer is what torchvision has there, in both formats',
  async () => {
    const npy = await written('layer2.npy', ['--layer', 'layer2']);
    const safetensors = await written('layer2.safetensors', ['--layer', 'layer2']);
    const shape = [41, 128, 8, 8];
    expect(npy).toMatchObject({ layer: 'layer2.1.relu_1', shape, path: join(dir, 'layer2.npy') });
    expect(npy.images.slice(19, 22)).toEqual([
      'class-0/019.png',
      'class-1/000.png',
      'class-1/001.png',
    ]);
    expect(npy.images.at(-1)).toBe('deep/er/one.png');
    const script = fileURLToPath(new URL('judge_layer.py', import.meta.url));
    const paths = npy.images.map((image) => join(images, image));
    const args = [script, weights, 'layer2', npy.path, safetensors.path, ...paths];
    const said = JSON.parse(execFileSync(python.path!, args, { encoding: 'utf8' })) as {
      shapes: number[][];
      type: string;
      far: number[];
      metadata: Record<string, string>;
    };
    expect(said).toMatchObject({ shapes: [shape, shape], type: 'float32' });
    expect(Math.max(...said.far)).toBeLessThan(1e-4);
    expect(JSON.parse(said.metadata['ftctl.images']!)).toEqual(npy.images);
  },
  120_000,
);

test('without a layer it is the one that the classifier takes, and equal images have equal rows', async () => {
  const { layer, shape, path, images: names } = await written('features.npy');
  expect({ layer, shape }).toEqual({ layer: 'flatten', shape: [41, 512] });
  const bytes = await readFile(path);
  const start = 10 + bytes.readUInt16LE(8);
  expect(bytes.length).toBe(start + 41 * 512 * 4);
  const row = (name: string): Buffer => {
    const from = start + names.indexOf(name) * 512 * 4;
    return bytes.subarray(from, from + 512 * 4);
  };
  // One is in the first batch of 32, the other in the second.
  expect(row('deep/er/one.png').equals(row('class-0/003.png'))).toBe(true);
  expect(row('class-0/004.png').equals(row('class-0/003.png'))).toBe(false);
});

test('what cannot be is refused, and nothing is written', async () => {
  expect(await refused(['--layer', 'layr2'])).toMatchObject({
    ...{ exit: 2, code: 'FT_MODEL_LAYER' },
    message: expect.stringContaining('The nearest names are layer') as string,
  });
  expect(await refused(['--layer', 'fc'])).toMatchObject({
    ...{ exit: 2, code: 'FT_MODEL_LAYER' },
    message:
      'fc is the classifier, or needs its results. A classifier of pretrained weights is of other classes and is not kept.',
  });
  expect(await refused([], images, 'refused.txt')).toMatchObject({ exit: 2, code: 'FT_USAGE' });
  const empty = join(dir, 'empty');
  await mkdir(empty);
  expect(await refused([], empty)).toMatchObject({
    ...{ exit: 3, code: 'FT_DATA_EMPTY', message: `${empty} has no images.` },
  });
  await writeFile(join(empty, 'bad.png'), 'hello');
  expect(await refused([], empty)).toMatchObject({
    ...{ exit: 3, code: 'FT_DATA_BAD_FILES' },
    message: `1 of 1 images in ${empty} cannot be used: bad.png: it is no PNG, JPEG, WebP, TIFF, GIF or AVIF image.`,
  });
}, 120_000);

test.skipIf(process.platform === 'win32')(
  'an interrupt ends the command, and leaves no part of a file',
  async () => {
    const many = join(dir, 'many');
    const out = join(dir, 'out');
    await mkdir(many);
    await mkdir(out);
    const image = await readFile(join(images, 'class-0', '000.png'));
    for (let i = 0; i < 3000; i++) await writeFile(join(many, `${i}.png`), image);
    const args = ['--set', 'model={architecture: resnet18, weights: random}', '--layer', 'conv1'];
    const { child, finished } = startFtctl(
      ['features', many, '--out', join(out, 'all.npy'), ...args],
      { FTCTL_CACHE: join(dir, 'cache') },
    );
    await vi.waitUntil(() => readdirSync(out).length > 0, { timeout: 30_000 });
    child.kill('SIGINT');
    expect(await finished).toMatchObject({
      code: 130,
      stdout: '',
      stderr: expect.stringContaining(
        'error FT_COMMAND_INTERRUPTED: The command was interrupted; it has written nothing.',
      ) as string,
    });
    expect(readdirSync(out)).toEqual([]);
  },
  60_000,
);
