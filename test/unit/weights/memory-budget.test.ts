import { deflateRawSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { MemoryBudget } from '../../../src/models/weights/memory-budget.js';
import { readPth } from '../../../src/models/weights/pth/read-pth.js';
import { pickle, pickleOf } from '../../support/weights/build-pickle.js';
import { torchZip } from '../../support/weights/torch-zip.js';

const mib = 1024 ** 2;
const gib = 1024 ** 3;

test('a budget is sixteen times the files, and never more than a fixed amount', () => {
  const budget = new MemoryBudget(mib);
  expect(budget.bytesLeft).toBe(32 * mib);
  budget.charge(20 * mib, 'tensors');
  budget.addFile(mib);
  expect(budget.bytesLeft).toBe(28 * mib);
  const charge = (numBytes: number, what: string) => () => {
    budget.charge(numBytes, what);
  };
  expect(charge(28 * mib + 1, 'its tensors')).toThrow(
    'its tensors take far more bytes than the file has',
  );
  for (const much of [NaN, Infinity]) expect(charge(much, 'x')).toThrow('far more');
  expect(new MemoryBudget(2 * gib).bytesLeft).toBe(4 * gib);
  expect(new MemoryBudget(2 * gib, gib).bytesLeft).toBe(gib);
});

test('what is inflated and what is made of it share one budget', () => {
  const { global, text, int, op } = pickle;
  const numBytes = 12 * mib;
  const value = pickleOf(
    ...[op('}'), text('w'), global('torch._utils', '_rebuild_tensor_v2'), op('('), op('(')],
    ...[text('storage'), global('torch', 'FloatStorage'), text('0'), text('cpu')],
    ...[int(numBytes / 4), op('tQ'), int(0), int(numBytes / 4), op('\x85'), int(1), op('\x85')],
    ...[op('\x89'), op('}'), op('t'), op('R'), op('s')],
  );
  const packed = torchZip(value, { '0': deflateRawSync(Buffer.alloc(numBytes)) });
  // In the third record of the directory: the method, no checksum, and the size.
  let record = packed.readUInt32LE(packed.length - 6);
  for (let i = 0; i < 2; i++) {
    record += 46 + packed.readUInt16LE(record + 28) + packed.readUInt16LE(record + 30);
  }
  packed.writeUInt16LE(8, record + 10);
  packed.writeUInt32LE(0, record + 16);
  packed.writeUInt32LE(numBytes, record + 24);
  expect(packed.length).toBeLessThan(mib / 16);
  // 12 MiB inflated and 12 MiB read: either is within 16 MiB and a bit, both together are not.
  expect(() => readPth(packed)).toThrow(
    /its entry archive\/data\/0 would have 12582912 bytes unpacked, of at most 4\d{6}$/,
  );
});
