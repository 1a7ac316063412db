import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { decodeWeights } from '../../../src/models/weights/read-weights.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';
import { findPython } from '../../support/python.js';

type Described = Record<string, { shape: number[]; type: string; bits: string }>;

const python = findPython(['torch', 'torchvision']);
const script = fileURLToPath(new URL('torch_files.py', import.meta.url));

function runScript(...args: readonly string[]): string {
  return execFileSync(python.path!, ['-W', 'ignore', script, ...args], {
    encoding: 'utf8',
    maxBuffer: 2 ** 24,
  });
}

function bits({ data }: StoredTensor): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

describe.skipIf(python.path === undefined)('a file of torch.save', () => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'ftctl-pth-'));
    runScript('make', dir);
  }, 120_000);
  afterAll(() => {
    rmSync(dir, { recursive: true, force: true });
  });

  const read = (name: string) => decodeWeights(readFileSync(join(dir, `${name}.pth`)), name);
  const expected = (name: string) =>
    JSON.parse(readFileSync(join(dir, `${name}.json`), 'utf8')) as Described;

  test('is read to the bit, in every format and form', () => {
    const names = readdirSync(dir)
      .filter((name) => name.endsWith('.pth'))
      .map((name) => name.slice(0, -'.pth'.length));
    expect(names.length).toBeGreaterThanOrEqual(23);
    for (const name of names) {
      const { tensors, types } = read(name);
      const actual = Object.fromEntries(
        [...tensors].map(([tensor, stored]) => [
          tensor,
          { shape: stored.shape, type: types.get(tensor), bits: bits(stored) },
        ]),
      );
      expect(actual, name).toEqual(expected(name));
      expect([...tensors.keys()], name).toEqual(Object.keys(expected(name)));
    }
  });

  test('says which of the two formats it is in', () => {
    expect(read('simple-zip').format).toBe('pth');
    expect(read('simple-legacy').format).toBe('pth-legacy');
  });

  test('that is a checkpoint says where its state dict was and what else there is', () => {
    expect(read('checkpoint').notes).toEqual([
      'The state dict was read from state_dict.',
      'Not looked at: epoch, arch, best_acc1, optimizer, scheduler, rng and 8 more.',
    ]);
    expect(read('nested').notes).toEqual(['The state dict was read from model.state_dict.']);
    expect(read('data-parallel').notes).toEqual([
      'The state dict was read from state_dict.',
      'module. was taken off the names.',
    ]);
  });

  const whole = 'The file holds a whole model, which could execute any code, and not a state dict.';
  const code =
    'To build it could execute any code; ftctl builds tensors and dictionaries of them, and nothing else.';
  const refused: [string, string, string][] = [
    ['module', 'FT_WEIGHTS_PICKLE', `asks for torch.nn.modules.container.Sequential. ${whole}`],
    [
      'module-legacy',
      'FT_WEIGHTS_PICKLE',
      `asks for torch.nn.modules.container.Sequential. ${whole}`,
    ],
    ['namespace', 'FT_WEIGHTS_PICKLE', `asks for argparse.Namespace. ${code}`],
    ['system', 'FT_WEIGHTS_PICKLE', `asks for posix.system. ${code}`],
    ['eval-legacy', 'FT_WEIGHTS_PICKLE', `asks for __builtin__.eval. ${code}`],
    ['nested', 'FT_WEIGHTS_PICKLE', `asks for __builtin__.getattr. ${code}`],
    [
      'script',
      'FT_WEIGHTS_DAMAGED',
      'cannot be read: it is a TorchScript program (torch.jit.save), and no file of torch.save.',
    ],
    [
      'complex',
      'FT_WEIGHTS_DAMAGED',
      'cannot be read: tensor w has the type complex64; ftctl reads float32, float16, bfloat16, float64, int64, int32, int16, int8, uint8, bool.',
    ],
    ['tensor', 'FT_WEIGHTS_DAMAGED', 'cannot be read: it holds one tensor, and no state dict.'],
    [
      'no-tensors',
      'FT_WEIGHTS_DAMAGED',
      'cannot be read: it holds no tensors under state_dict, model_state_dict, model or at the top; it has epoch.',
    ],
  ];
  test.each(refused)('that holds %s is refused with %s', (name, errorCode, message) => {
    expect(() => read(`refused/${name}`)).toThrow(
      expect.objectContaining({ code: errorCode, message: `refused/${name} ${message}` }),
    );
  });

  test('of ours is an OrderedDict to torch.load(weights_only=True), equal to the bit', () => {
    const tensors = new Map<string, StoredTensor>([
      ['a.weight', { shape: [2, 3], data: Float32Array.of(0, -0, 1.5, Infinity, 1e-40, -2) }],
      ['a.num_batches_tracked', { shape: [], data: BigInt64Array.of(2n ** 60n) }],
      ['b.weight', { shape: [2, 70000], data: new Float32Array(140_000).fill(0.5) }],
      ['empty', { shape: [0, 3], data: new Float32Array() }],
      ['last \u00e9', { shape: [1], data: Float32Array.of(3) }],
    ]);
    const path = join(dir, 'ours.pth');
    const bytes = encodePth(tensors);
    writeFileSync(path, bytes);
    const actual = JSON.parse(runScript('read', path)) as Described;
    rmSync(path);
    expect(actual).toEqual(
      Object.fromEntries(
        [...tensors].map(([name, stored]) => [
          name,
          {
            shape: stored.shape,
            type: stored.data instanceof Float32Array ? 'float32' : 'int64',
            bits: bits(stored),
          },
        ]),
      ),
    );
    expect(Object.keys(actual)).toEqual([...tensors.keys()]);
    expect(decodeWeights(bytes, 'ours').tensors).toEqual(tensors);
  });
});
