import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { FtctlError } from '../../../src/errors/index.js';
import { encodePth } from '../../../src/models/weights/pth/write-pth.js';
import { decodeWeights } from '../../../src/models/weights/read-weights.js';
import type { StoredTensor } from '../../../src/models/weights/tensor-set.js';
import { pickle, pickleOf } from '../../support/weights/build-pickle.js';
import { torchZip } from '../../support/weights/torch-zip.js';

const { global, text, int, op, put, get } = pickle;
const folder = new URL('files/', import.meta.url);

function bits({ data }: StoredTensor): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

function failure(bytes: Uint8Array): FtctlError {
  try {
    decodeWeights(bytes, 'w.pth');
  } catch (error) {
    return error as FtctlError;
  }
  throw new Error('it is read');
}

describe('a file that PyTorch wrote', () => {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -'.json'.length));

  test.each(names)('%s is read to the bit', (name) => {
    const expected: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
    const { tensors, types } = decodeWeights(readFileSync(new URL(`${name}.pth`, folder)), name);
    const actual = Object.fromEntries(
      [...tensors].map(([tensor, stored]) => [
        tensor,
        { shape: stored.shape, type: types.get(tensor), bits: bits(stored) },
      ]),
    );
    expect(names.length).toBe(11);
    expect(actual).toEqual(expected);
  });

  test.each([
    ['system', 'posix.system'],
    ['eval-legacy', '__builtin__.eval'],
    ['module', 'torch.nn.modules.container.Sequential'],
    ['namespace', 'argparse.Namespace'],
  ])('and that would execute code (%s) is refused by the name %s', (name, asked) => {
    const error = failure(readFileSync(new URL(`refused-${name}.pth`, folder)));
    expect(error.code).toBe('FT_WEIGHTS_PICKLE');
    expect(error.message).toContain(`w.pth asks for ${asked}.`);
    expect(error.details).toEqual({ file: 'w.pth', global: asked });
    expect(error.remedy).toBe(
      'If you trust the file, load it in Python and save its state dict alone: `torch.save(model.state_dict(), PATH)`.',
    );
  });
});

describe('a pickle that asks for more than tensors', () => {
  const refused: [string, Buffer, string][] = [
    ['a global', pickleOf(global('os', 'system')), 'os.system'],
    [
      'a global from the stack',
      pickleOf(text('builtins'), text('eval'), op('\x93')),
      'builtins.eval',
    ],
    ['an instance', pickleOf(op('('), op('isubprocess\nPopen\n')), 'subprocess.Popen'],
    [
      'a call in a call',
      pickleOf(
        global('collections', 'OrderedDict'),
        op('('),
        op('('),
        global('builtins', 'getattr'),
        op(')Rtt'),
      ),
      'builtins.getattr',
    ],
    [
      'a global in the attributes of a dictionary',
      pickleOf(op('}}'), text('x'), global('posix', 'system'), op('sb')),
      'posix.system',
    ],
    ["an allowed module's other function", pickleOf(global('torch', 'load')), 'torch.load'],
    [
      'a name with a line of its own',
      pickleOf(text('a\x1b[2Jb'), text('c d'), op('\x93')),
      '"a\\u001b[2Jb.c d"',
    ],
    ['a prototype', pickleOf(global('constructor', 'constructor')), 'constructor.constructor'],
  ];
  test.each(refused)('by %s is refused by name', (_what, bytes, name) => {
    const error = failure(torchZip(bytes));
    expect(error.code).toBe('FT_WEIGHTS_PICKLE');
    expect(error.message).toBe(
      `w.pth asks for ${name}. To build it could execute any code; ftctl builds tensors and dictionaries of them, and nothing else.`,
    );
  });
});

/** ('storage', FloatStorage, '0', 'cpu', count) as a persistent id. */
const storage = (count: number): Buffer =>
  Buffer.concat([
    op('('),
    text('storage'),
    global('torch', 'FloatStorage'),
    text('0'),
    text('cpu'),
    int(count),
    op('tQ'),
  ]);

function tensor(offset: number, shape: readonly number[], strides: readonly number[]): Buffer {
  const tuple = (items: readonly number[]): Buffer =>
    Buffer.concat([op('('), ...items.map(int), op('t')]);
  return Buffer.concat([
    global('torch._utils', '_rebuild_tensor_v2'),
    op('('),
    storage(4),
    int(offset),
    tuple(shape),
    tuple(strides),
    op('\x89}tR'),
  ]);
}

const fourFloats = { '0': Buffer.from(Float32Array.of(1, 2, 3, 4).buffer) };
const withTensor = (...args: Parameters<typeof tensor>): Buffer =>
  torchZip(pickleOf(op('}'), text('w'), tensor(...args), op('s')), fourFloats);

describe('a tensor', () => {
  test('is where its offset and strides say', () => {
    const { tensors } = decodeWeights(withTensor(1, [2, 2], [1, 1]), 'w');
    expect(tensors.get('w')).toEqual({ shape: [2, 2], data: Float32Array.of(2, 3, 3, 4) });
  });

  test('beyond its storage is refused', () => {
    expect(failure(withTensor(1, [2, 2], [2, 1])).message).toBe(
      'w.pth cannot be read: tensor w reaches beyond its storage of 16 bytes.',
    );
  });

  test('that takes gigabytes out of one number is refused', () => {
    expect(failure(withTensor(0, [100_000, 100_000], [0, 0])).message).toBe(
      'w.pth cannot be read: its tensors up to w take far more bytes than the file has.',
    );
  });

  test('without elements may have any shape', () => {
    const { tensors } = decodeWeights(withTensor(4, [0, 100_000, 100_000], [0, 0, 0]), 'w');
    expect(tensors.get('w')!.data.length).toBe(0);
  });

  test('with negative or missing numbers is refused', () => {
    expect(failure(withTensor(-1, [1], [1])).message).toContain('its pickle has no valid offset');
    expect(failure(withTensor(0, [-1], [1])).message).toContain('its pickle has no valid shape');
    expect(failure(withTensor(0, [1], [])).message).toContain('a tensor has 1 sides and 0 strides');
  });
});

describe('a pickle bomb', () => {
  test('of references to references is small here, and holds no tensors', () => {
    // Each list holds the one before twice: 2^200 elements to whoever walks it.
    const doubling = Array.from({ length: 200 }, (_, i) =>
      Buffer.concat([put(i), op(']('), get(i), get(i), op('e')]),
    );
    expect(failure(torchZip(pickleOf(op(']'), ...doubling))).message).toBe(
      'w.pth cannot be read: it holds no dictionary of tensors.',
    );
  });

  test('of many operations is cut off', () => {
    const bytes = Buffer.alloc(2_100_000, '2');
    expect(failure(torchZip(pickleOf(op('N'), bytes))).message).toBe(
      'w.pth cannot be read: its pickle has more than 2000000 operations.',
    );
  });

  test('that copies one list again and again is cut off', () => {
    const list = Buffer.concat([
      op('('),
      ...Array<Buffer>(10_000).fill(op('NN\x86')),
      op('l'),
      put(0),
    ]);
    const copy = Buffer.concat([global('collections', 'OrderedDict'), get(0), op('\x85R0')]);
    const bytes = pickleOf(list, ...Array<Buffer>(1000).fill(copy));
    expect(failure(torchZip(bytes)).message).toBe(
      'w.pth cannot be read: its pickle has more than 2000000 operations.',
    );
  });

  test('of open brackets is cut off', () => {
    expect(failure(torchZip(pickleOf(Buffer.alloc(2000, '(')))).message).toBe(
      'w.pth cannot be read: its pickle is nested too deep.',
    );
  });

  test('that is part of itself ends', () => {
    const bytes = pickleOf(op('}'), put(0), text('model'), get(0), op('s'));
    expect(failure(torchZip(bytes)).message).toBe(
      'w.pth cannot be read: it holds no tensors under state_dict, model_state_dict, model or at the top; it has model.',
    );
  });
});

test('what is written is read again', () => {
  const tensors = new Map<string, StoredTensor>([
    ['b', { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
    ['a', { shape: [], data: BigInt64Array.of(-5n) }],
    ['none', { shape: [3, 0], data: new Float32Array() }],
  ]);
  const bytes = encodePth(tensors);
  const read = decodeWeights(bytes, 'w');
  expect(read.format).toBe('pth');
  expect(read.tensors).toEqual(tensors);
  expect([...read.tensors.keys()]).toEqual(['b', 'a', 'none']);
  expect(encodePth(tensors)).toEqual(bytes);
  // Storages lie at multiples of 64: the first right behind its header's padding.
  const at = Buffer.from(bytes).indexOf(Buffer.from(Float32Array.of(1, 2, 3, 4).buffer));
  expect(at % 64).toBe(0);
});
