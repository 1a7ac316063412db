import { op } from '../../../src/models/weights/pickle/opcodes.js';
import { interesting, littleEndian } from './mutate-bytes.js';
import type { RandomSource } from './random-source.js';

/** Bytes of an opcode's argument: a count, `lines`, or the size of the length that comes before the bytes. */
const argumentBytes: Readonly<
  Record<number, number | 'line' | 'lines' | { readonly length: number }>
> = {
  [op.BININT]: 4,
  [op.BININT1]: 1,
  [op.BININT2]: 2,
  [op.BINFLOAT]: 8,
  [op.LONG1]: { length: 1 },
  [op.LONG4]: { length: 4 },
  [op.BINUNICODE]: { length: 4 },
  [op.SHORT_BINUNICODE]: { length: 1 },
  [op.BINUNICODE8]: { length: 8 },
  [op.BINSTRING]: { length: 4 },
  [op.SHORT_BINSTRING]: { length: 1 },
  [op.BINBYTES]: { length: 4 },
  [op.SHORT_BINBYTES]: { length: 1 },
  [op.BINBYTES8]: { length: 8 },
  [op.BYTEARRAY8]: { length: 8 },
  [op.BINGET]: 1,
  [op.LONG_BINGET]: 4,
  [op.BINPUT]: 1,
  [op.LONG_BINPUT]: 4,
  [op.PROTO]: 1,
  [op.FRAME]: 8,
  [op.GLOBAL]: 'lines',
  [op.INST]: 'lines',
};

function lineEnd(bytes: Buffer, from: number): number {
  const end = bytes.indexOf(10, from);
  return end < 0 ? bytes.length : end + 1;
}

/** The end of the operation at `at`. */
function operationEnd(bytes: Buffer, at: number): number {
  const argument = argumentBytes[bytes[at]!] ?? 0;
  const start = at + 1;
  if (argument === 'lines') return lineEnd(bytes, lineEnd(bytes, start));
  if (argument === 'line') return lineEnd(bytes, start);
  if (typeof argument === 'number') return start + argument;
  const { length } = argument;
  if (start + length > bytes.length) return bytes.length;
  return start + length + bytes.readUIntLE(start, Math.min(6, length));
}

/** A pickle as its operations; `end` is the offset behind its STOP. */
export function operationsOf(bytes: Buffer, from = 0): { operations: Buffer[]; end: number } {
  const operations: Buffer[] = [];
  let at = from;
  while (at < bytes.length) {
    const end = Math.min(bytes.length, operationEnd(bytes, at));
    operations.push(bytes.subarray(at, end));
    const isLast = bytes[at] === op.STOP;
    at = end;
    if (isLast) break;
  }
  return { operations, end: at };
}

const globals = [
  ...['os.system', 'builtins.eval', 'builtins.exec', 'builtins.getattr', 'subprocess.Popen'],
  ...['torch.load', 'torch.nn.modules.linear.Linear', 'numpy.core.multiarray.scalar'],
  ...['collections.OrderedDict', 'collections.Counter', 'torch.Size', 'torch.device'],
  ...['torch._utils._rebuild_tensor', 'torch._utils._rebuild_tensor_v2'],
  ...['torch._utils._rebuild_tensor_v3', 'torch._utils._rebuild_parameter'],
  ...['torch.FloatStorage', 'torch.DoubleStorage', 'torch.BoolStorage', 'torch.LongStorage'],
  ...['torch.storage.UntypedStorage', 'torch.float32', 'torch.float8_e5m2', '_codecs.encode'],
];
const texts = [
  '',
  'storage',
  'state_dict',
  'model',
  '0',
  '1',
  '__proto__',
  'module.',
  'x'.repeat(300),
];

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([Buffer.of(op.BINUNICODE), littleEndian(bytes.length, 4), bytes]);
}

/** An operation that means something, with an argument that may not. */
export function randomOperation(random: RandomSource): Buffer {
  switch (random.below(6)) {
    case 0: {
      const [, module, name] = /^(.*)\.([^.]*)$/.exec(random.pick(globals))!;
      return Buffer.from(`c${module}\n${name}\n`);
    }
    case 1:
      return text(random.pick(texts));
    case 2:
      return Buffer.concat([Buffer.of(op.BININT), littleEndian(random.pick(interesting), 4)]);
    case 3:
      return Buffer.concat([Buffer.of(op.LONG1, 8), littleEndian(random.pick(interesting), 8)]);
    case 4:
      return Buffer.of(random.pick([op.BINGET, op.BINPUT]), random.below(40));
    default: {
      const plain = Object.values(op).filter((code) => argumentBytes[code] === undefined);
      return Buffer.of(random.pick(plain));
    }
  }
}

/** The operations with one to four of them changed, moved, repeated or taken away. */
export function mutateOperations(operations: readonly Buffer[], random: RandomSource): Buffer[] {
  const mutated = [...operations];
  const count = 1 + random.below(4);
  for (let i = 0; i < count; i++) {
    const at = random.below(mutated.length + 1);
    const length = 1 + random.below(1 << random.below(6));
    switch (random.below(6)) {
      case 0:
        mutated.splice(at, length);
        break;
      case 1:
        mutated.splice(at, 0, randomOperation(random));
        break;
      case 2:
        mutated.splice(at, 1, randomOperation(random));
        break;
      case 3: {
        // A part again and again: what bombs are made of.
        const part = mutated.slice(at, at + length);
        const times = 1 << random.below(10);
        for (let k = 0; k < times && mutated.length < 50_000; k++) mutated.splice(at, 0, ...part);
        break;
      }
      case 4: {
        const part = mutated.splice(at, length);
        mutated.splice(random.below(mutated.length + 1), 0, ...part);
        break;
      }
      default: {
        const changed = Buffer.from(mutated[at] ?? Buffer.alloc(0));
        if (changed.length > 1) changed[1 + random.below(changed.length - 1)] = random.below(256);
        mutated.splice(at, 1, changed);
      }
    }
  }
  return mutated;
}
