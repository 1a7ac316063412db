import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { importLines } from '../../../src/cli/weights-report.js';
import { describeNetwork, torchvisionSpec } from '../../../src/models/registry.js';
import { importWeights } from '../../../src/models/weights/import-weights.js';
import { inspectWeights } from '../../../src/models/weights/inspect-weights.js';
import { loadWeights } from '../../../src/models/weights/load-weights.js';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { randomWeights } from '../../../src/models/weights/random-weights.js';
import { decodeSafetensors } from '../../../src/models/weights/safetensors.js';
import { weightsIdentity } from '../../../src/models/weights/weights-identity.js';
import { imagenetNormalisation } from '../../../src/models/weights/weights-source.js';
import { file, FileServer } from '../../support/weights/file-server.js';
import { hasSqueezenetWeights, squeezenetWeights } from '../../support/weights/real-weights.js';

const width = 0.1;
const architecture = 'mobilenet_v2';
/** As DataParallel saves a network of seven classes. */
const tensors = randomWeights(describeNetwork(torchvisionSpec(architecture, width, 7)), 3);
const pth = Buffer.from(
  encodePth(new Map([...tensors].map(([name, tensor]) => [`module.${name}`, tensor]))),
);

let dir = '';
let path = '';
let server: FileServer;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ftctl-load-'));
  path = join(dir, 'net.pth.tar');
  await writeFile(path, pth);
  server = new FileServer();
  await server.start();
  server.answers = [file(pth)];
});
afterAll(async () => {
  await server.stop();
  await rm(dir, { recursive: true, force: true });
});

const options = () => ({
  ...{ architecture, width, numClasses: 4, seed: 1 },
  cacheDir: join(dir, 'cache'),
});

describe('weights', () => {
  test('of a .pth file lose the prefix of their names and their classifier, and that is said', async () => {
    const loaded = await loadWeights({ type: 'file', path }, options());
    expect(loaded.notes).toEqual([
      'module. was taken off the names.',
      `The classifier of ${path} (7 classes) was replaced by a new one of 4.`,
    ]);
    const backbone = [...tensors].filter(([name]) => !name.startsWith('classifier'));
    expect([...loaded.tensors]).toEqual(backbone);
  });

  test('of a network that was an attribute lose its name, when they are loaded, inspected and imported', async () => {
    const source = { type: 'file', path: join(dir, 'encoder.pth') } as const;
    const given = [...tensors].map(([name, tensor]) => [`encoder.${name}`, tensor] as const);
    await writeFile(source.path, encodePth(new Map(given)));
    const notes = ['encoder. was taken off the names.'];
    expect((await loadWeights(source, options())).notes[0]).toBe(notes[0]);
    const { fits, ...report } = await inspectWeights(source, options());
    expect([fits?.architecture, report.notes]).toEqual([architecture, notes]);
    const imported = await importWeights(source, { ...options(), normalisation: undefined });
    expect([imported.numClasses, imported.notes]).toEqual([7, notes]);
  });

  test('of a download are fetched once, and are the same', async () => {
    const hex = createHash('sha256').update(pth).digest('hex');
    const source = {
      type: 'url',
      url: server.url('/net.pth'),
      expected: { algorithm: 'sha256', hex },
    } as const;
    const messages: string[] = [];
    const onProgress = ({ message, unit }: { message: string; unit: string }) =>
      messages.push(`${message} (${unit})`);
    const first = await loadWeights(source, { ...options(), onProgress });
    const second = await loadWeights(source, options());
    expect([...second.tensors]).toEqual([...first.tensors]);
    expect(new Set(messages)).toEqual(new Set(['Downloading net.pth (bytes)']));
    expect(server.requests.length).toBe(1);
  });

  test('of another architecture name the one that they are of', async () => {
    const other = { ...options(), architecture: 'resnet18', width: 1 };
    await expect(loadWeights({ type: 'file', path }, other)).rejects.toMatchObject({
      code: 'FT_WEIGHTS_MISMATCH',
      remedy:
        'The weights are those of mobilenet_v2 (width 0.1): set `model.architecture` to mobilenet_v2 and `model.width` to 0.1.',
    });
  });

  test('are another source once their file is written to', async () => {
    const copy = join(dir, 'copy.pth');
    await writeFile(copy, pth);
    const before = await weightsIdentity({ type: 'file', path: copy }, 0);
    expect(await weightsIdentity({ type: 'file', path: copy }, 0)).toEqual(before);
    await writeFile(copy, pth.subarray(1));
    expect(await weightsIdentity({ type: 'file', path: copy }, 0)).not.toEqual(before);
  });
});

describe('an inspection', () => {
  test('says the format, the tensors, and the network that they are of', async () => {
    const report = await inspectWeights({ type: 'file', path }, options());
    expect(report).toMatchObject({
      source: path,
      format: 'pth',
      types: { float32: 262, int64: 52 },
      fits: { architecture, width, convention: 'torchvision', numClasses: 7 },
      nearest: [],
      normalise: null,
      notes: ['module. was taken off the names.'],
    });
    expect(report.tensors[0]).toEqual({
      ...{ name: 'features.0.0.weight', shape: [8, 3, 3, 3], type: 'float32' },
    });
    expect(report.tensors.length).toBe(tensors.size);
  });

  test('names the nearest networks where none fits', async () => {
    const partial = join(dir, 'partial.pth');
    await writeFile(partial, encodePth(new Map([...tensors].slice(0, 100))));
    const report = await inspectWeights({ type: 'file', path: partial }, options());
    expect(report.fits).toBeNull();
    expect(report.nearest).toHaveLength(3);
    expect(report.nearest[0]).toMatchObject({ architecture, width, unexpected: 0 });
    expect(report.nearest[0]!.matching).toBeLessThan(report.nearest[0]!.needed);
  });
});

test.skipIf(!hasSqueezenetWeights)('real pretrained weights are known and loaded', async () => {
  const squeezenet = squeezenetWeights;
  const source = { type: 'file', path: squeezenet } as const;
  const report = await inspectWeights(source, options());
  expect(report).toMatchObject({
    ...{ format: 'safetensors', numElements: 1_248_424 },
    fits: { architecture: 'squeezenet1_0', width: 1, numClasses: 1000 },
  });
  const asked = { ...options(), architecture: 'squeezenet1_0', width: 1 };
  const loaded = await loadWeights(source, asked);
  expect(loaded.notes).toEqual([
    `The classifier of ${squeezenet} (1000 classes) was replaced by a new one of 4.`,
  ]);
  // What was loaded goes out as .pth and comes back.
  const path = join(dir, 'squeezenet.pth');
  await writeFile(path, encodePth(loaded.tensors));
  expect([...(await loadWeights({ type: 'file', path }, asked)).tensors]).toEqual([
    ...loaded.tensors,
  ]);
});

describe('an import', () => {
  test('keeps the weights as safetensors that are loaded like the file', async () => {
    const importOptions = { ...options(), normalisation: undefined };
    const imported = await importWeights({ type: 'file', path }, importOptions);
    expect(imported).toMatchObject({
      ...{ source: path, architecture, width, convention: 'torchvision', numClasses: 7 },
      ...{ numTensors: tensors.size, normalise: imagenetNormalisation },
    });
    expect(imported.path).toBe(
      join(dir, 'cache', 'weights', `mobilenet_v2-0.1-${imported.sha256.slice(0, 8)}.safetensors`),
    );
    const bytes = await readFile(imported.path);
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(imported.sha256);
    expect([...decodeSafetensors(bytes, 'w').tensors]).toEqual([...tensors]);
    const again = await importWeights({ type: 'file', path: imported.path }, importOptions);
    expect(again.path).toBe(imported.path);
    const loaded = await loadWeights({ type: 'file', path: imported.path }, options());
    expect([...loaded.tensors]).toEqual([
      ...(await loadWeights({ type: 'file', path }, options())).tensors,
    ]);
  });

  test('remembers how images are normalised, and a run that does otherwise is refused', async () => {
    const normalisation = { mean: [0, 0, 0], std: [1, 1, 1] } as const;
    const imported = await importWeights({ type: 'file', path }, { ...options(), normalisation });
    const source = { type: 'file', path: imported.path } as const;
    await expect(
      loadWeights(source, { ...options(), normalisation: imagenetNormalisation }),
    ).rejects.toMatchObject({
      code: 'FT_WEIGHTS_PREPROCESSING',
      message: `The run normalises images with mean [0.485, 0.456, 0.406] and std [0.229, 0.224, 0.225]. The weights of ${imported.path} need mean [0, 0, 0] and std [1, 1, 1].`,
    });
    await expect(loadWeights(source, { ...options(), normalisation })).resolves.toBeDefined();
    const report = await inspectWeights(source, options());
    expect(report.normalise).toEqual(normalisation);
  });

  test('can say another normalisation than the weights do, which the run then has to have', async () => {
    const [first, second] = [
      { mean: [0, 0, 0], std: [1, 1, 1] },
      { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    ] as const;
    const one = await importWeights({ type: 'file', path }, { ...options(), normalisation: first });
    const two = await importWeights(
      { type: 'file', path: one.path },
      { ...options(), normalisation: second },
    );
    expect(two.normalise).toEqual(second);
    const source = { type: 'file', path: two.path } as const;
    await expect(
      loadWeights(source, { ...options(), normalisation: second }),
    ).resolves.toBeDefined();
    await expect(loadWeights(source, { ...options(), normalisation: first })).rejects.toMatchObject(
      { code: 'FT_WEIGHTS_PREPROCESSING' },
    );
    expect(importLines(two).slice(-2)).toEqual([
      '  data:',
      '    normalise: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }',
    ]);
  });

  test('of weights that do not fit is refused, and keeps nothing', async () => {
    const cacheDir = join(dir, 'empty');
    await expect(
      importWeights(
        { type: 'file', path },
        { architecture: 'alexnet', width: 1, cacheDir, normalisation: undefined },
      ),
    ).rejects.toMatchObject({ code: 'FT_WEIGHTS_MISMATCH' });
    await expect(readFile(cacheDir)).rejects.toThrow('ENOENT');
  });
});
