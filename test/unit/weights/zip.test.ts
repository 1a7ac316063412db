import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { ZipArchive } from '../../../src/models/weights/zip/zip-archive.js';
import { writeZip } from '../../../src/models/weights/zip/zip-writer.js';

const inputs = [
  { name: 'a', bytes: Buffer.from('first') },
  { name: 'dir/\u00e9', bytes: Buffer.alloc(1000, 7) },
  { name: 'empty', bytes: Buffer.alloc(0) },
];
/** Offsets of the directory's records, in order. */
function records(zip: Buffer): number[] {
  const found: number[] = [];
  let at = zip.readUInt32LE(zip.length - 6);
  while (zip.readUInt32LE(at) === 0x02014b50) {
    found.push(at);
    at += 46 + zip.readUInt16LE(at + 28) + zip.readUInt16LE(at + 30);
  }
  return found;
}

function changed(change: (zip: Buffer) => void): Buffer {
  const zip = writeZip(inputs, 64);
  change(zip);
  return zip;
}

/** The entry 'dir/...' holds `packed`, and claims to have `size` bytes unpacked. */
function deflated(packed: Buffer, size: number): Buffer {
  const zip = writeZip([inputs[0]!, { name: 'b', bytes: packed }], 1);
  const record = records(zip)[1]!;
  zip.writeUInt16LE(8, record + 10);
  zip.writeUInt32LE(0, record + 16);
  zip.writeUInt32LE(size, record + 24);
  return zip;
}

describe('a zip file', () => {
  test('gives what was written into it, each entry at a multiple of the alignment', () => {
    const zip = writeZip(inputs, 64);
    const archive = new ZipArchive(zip);
    expect(archive.names).toEqual(inputs.map(({ name }) => name));
    for (const { name, bytes } of inputs) {
      const contents = archive.read(name);
      expect(Buffer.from(contents)).toEqual(bytes);
      expect((contents.byteOffset - zip.byteOffset) % 64).toBe(0);
    }
  });

  test('may be deflated', () => {
    const bytes = Buffer.from('abc'.repeat(500));
    const archive = new ZipArchive(deflated(deflateRawSync(bytes), bytes.length));
    expect(Buffer.from(archive.read('b'))).toEqual(bytes);
  });

  test('may have its sizes in a zip64 record', () => {
    const plain = writeZip([{ name: 'a', bytes: Buffer.from('first') }], 1);
    const record = records(plain)[0]!;
    const extra = Buffer.alloc(20);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(16, 2);
    extra.writeBigUInt64LE(5n, 4);
    extra.writeBigUInt64LE(5n, 12);
    const head = Buffer.from(plain.subarray(0, record + 47));
    head.writeUInt32LE(0xffffffff, record + 20);
    head.writeUInt32LE(0xffffffff, record + 24);
    head.writeUInt16LE(20, record + 30);
    const end = Buffer.from(plain.subarray(record + 47));
    end.writeUInt32LE(47 + 20, 12);
    const archive = new ZipArchive(Buffer.concat([head, extra, end]));
    expect(Buffer.from(archive.read('a')).toString()).toBe('first');
  });

  const damaged: [string, Buffer, string][] = [
    [
      'is cut off',
      writeZip(inputs, 1).subarray(0, 900),
      'it has no end record: it is cut off, or no zip file',
    ],
    [
      'is too short to be one',
      Buffer.from('PK'),
      'it has no end record: it is cut off, or no zip file',
    ],
    [
      'has a changed byte',
      changed((zip) => (zip[zip.indexOf('first')] = 0)),
      'its entry a is damaged: its checksum does not match',
    ],
    [
      'has an entry behind its end',
      changed((zip) => zip.writeUInt32LE(1_000_000, records(zip)[0]! + 20)),
      'its entry dir/\u00e9 overlaps another',
    ],
    [
      'has entries that overlap',
      changed((zip) =>
        zip.writeUInt32LE(zip.readUInt32LE(records(zip)[0]! + 42), records(zip)[1]! + 42),
      ),
      'its entry dir/\u00e9 overlaps another',
    ],
    [
      'has an encrypted entry',
      changed((zip) => zip.writeUInt16LE(1, records(zip)[0]! + 8)),
      'its entry a is encrypted',
    ],
    [
      'is packed by a method of its own',
      changed((zip) => zip.writeUInt16LE(93, records(zip)[0]! + 10)),
      'its entry a is packed by method 93; 0 and 8 are read',
    ],
    [
      'has two entries of one name',
      writeZip([inputs[0]!, inputs[0]!], 1),
      'two of its entries are called a',
    ],
    [
      'has more entries than its directory can hold',
      changed((zip) => zip.writeUInt16LE(60_000, zip.length - 12)),
      'its directory of 150 bytes cannot have 60000 entries',
    ],
  ];
  test.each(damaged)('that %s is refused', (_what, zip, message) => {
    const readAll = (): void => {
      const archive = new ZipArchive(zip);
      for (const name of archive.names) archive.read(name);
    };
    expect(readAll).toThrow(expect.objectContaining({ name: 'FormatError', message }));
  });

  test('that unpacks to far more than it has is refused before it is unpacked', () => {
    const bomb = deflateRawSync(Buffer.alloc(40 * 1024 * 1024));
    const archive = new ZipArchive(deflated(bomb, 40 * 1024 * 1024));
    expect(() => archive.read('b')).toThrow(
      /would have 41943040 bytes unpacked, of at most 17\d{6}/,
    );
  });

  test('that unpacks to more than it says is cut off there', () => {
    const archive = new ZipArchive(deflated(deflateRawSync(Buffer.alloc(10_000_000)), 100));
    expect(() => archive.read('b')).toThrow('its entry b cannot be unpacked');
  });
});
