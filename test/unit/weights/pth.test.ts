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

/** A dictionary, its values by their keys. */
const dict = (entries: Readonly<Record<string, Buffer>>): Buffer =>
  Buffer.concat([
    op('}'),
    ...Object.entries(entries).flatMap(([key, value]) => [text(key), value, op('s')]),
  ]);
const state = dict({ w: tensor(0, [4], [1]) });
const file = (value: Buffer): Buffer => torchZip(pickleOf(value), fourFloats);

describe('a state dict', () => {
  test.each(['state_dict_ema', 'ema', 'model_ema', 'net', 'network', 'weights', 'teacher'])(
    'is taken from under %s, and that is said',
    (key) => {
      const { tensors, notes } = decodeWeights(file(dict({ epoch: int(3), [key]: state })), 'w');
      expect([...tensors.keys()]).toEqual(['w']);
      expect(notes).toEqual([`The state dict was read from ${key}.`, 'Not looked at: epoch.']);
    },
  );

  test('under a usual key comes before its average', () => {
    const { notes } = decodeWeights(file(dict({ ema: state, state_dict: state })), 'w');
    expect(notes).toEqual(['The state dict was read from state_dict.', 'Not looked at: ema.']);
  });

  test('of several is not chosen, and the remedy is to save one of them', () => {
    const error = failure(file(dict({ teacher: state, student: state })));
    expect(error.message).toBe(
      'w.pth cannot be read: it holds tensors under teacher, student, and ftctl cannot tell which are meant.',
    );
    expect(error.remedy).toBe(
      "Save the state dict alone, in Python: `torch.save(torch.load(PATH, map_location='cpu')['teacher'], NEW_PATH)`.",
    );
  });

  test('under another key is named in the remedy', () => {
    const error = failure(file(dict({ epoch: int(3), my_net: state })));
    expect(error.message).toBe(
      'w.pth cannot be read: it holds no tensors under state_dict, model_state_dict, model or at the top; it has epoch, my_net.',
    );
    expect(error.remedy).toBe(
      "Save the state dict alone, in Python: `torch.save(torch.load(PATH, map_location='cpu')['my_net'], NEW_PATH)`.",
    );
  });

  test('is what a list, a tensor or a number is not', () => {
    const remedy =
      'Save tensors by their names, in Python: `torch.save(model.state_dict(), PATH)`.';
    for (const [value, what] of [
      [op(']'), 'a list, and no dictionary of tensors'],
      [op(')'), 'a tuple, and no dictionary of tensors'],
      [op('N'), 'None, and no dictionary of tensors'],
      [int(3), 'a number, and no dictionary of tensors'],
      [tensor(0, [4], [1]), 'one tensor, and no state dict'],
    ] as const) {
      const error = failure(file(value));
      expect([error.message, error.remedy]).toEqual([
        `w.pth cannot be read: it holds ${what}.`,
        remedy,
      ]);
    }
  });

  test('of complex numbers is none of our networks', () => {
    const id = Buffer.concat([
      ...[op('('), text('storage'), global('torch', 'ComplexFloatStorage')],
      ...[text('0'), text('cpu'), int(2), op('tQ')],
    ]);
    const one = Buffer.concat([
      ...[global('torch._utils', '_rebuild_tensor_v2'), op('('), id, int(0)],
      ...[op('('), int(2), op('t'), op('('), int(1), op('t'), op('\x89}tR')],
    ]);
    const error = failure(file(dict({ w: one })));
    expect(error.message).toContain('tensor w has the type complex64; ftctl reads ');
    expect(error.remedy).toBe(
      "The networks that ftctl has are of real numbers: use another network's file.",
    );
  });
});

describe('a pickle bomb', () => {
  test('of one large dictionary under very many keys is small here', () => {
    const entries = (count: number, value: Buffer): Buffer[] =>
      Array.from({ length: count }, (_, i) => Buffer.concat([int(i), value]));
    const large = Buffer.concat([op('}'), put(0), op('('), ...entries(50_000, op('N')), op('u')]);
    const many = Array.from({ length: 50_000 }, (_, i) => Buffer.concat([text(`k${i}`), get(0)]));
    const start = performance.now();
    const error = failure(torchZip(pickleOf(op('}('), text('first'), large, ...many, op('u'))));
    expect(error.message).toContain('it holds no tensors under');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test('of references to references is small here, and holds no tensors', () => {
    // Each list holds the one before twice: 2^200 elements to whoever walks it.
    const doubling = Array.from({ length: 200 }, (_, i) =>
      Buffer.concat([put(i), op(']('), get(i), get(i), op('e')]),
    );
    expect(failure(torchZip(pickleOf(op(']'), ...doubling))).message).toBe(
      'w.pth cannot be read: it holds a list, and no dictionary of tensors.',
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
