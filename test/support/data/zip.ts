import { crc32, deflateRawSync } from 'node:zlib';

/** One entry, and the lies that an attacker's archive tells about it. */
export interface ZipEntry {
  readonly name: string;
  readonly content?: Buffer | string;
  /** Unix mode; a plain file if absent. */
  readonly mode?: number;
  /** What the headers say in place of the truth. */
  readonly says?: {
    readonly size?: number;
    readonly method?: number;
    readonly flags?: number;
    readonly crc?: number;
  };
}

/** A zip archive as APPNOTE.TXT describes it: local headers with contents, central directory, end record. */
export function zipOf(entries: readonly ZipEntry[]): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { name, content = '', mode = 0o100644, says = {} } of entries) {
    const bytes = Buffer.from(content);
    const packed = deflateRawSync(bytes);
    const nameBytes = Buffer.from(name);
    // From "general purpose flags" to "extra field length", the same in both headers.
    const common = Buffer.alloc(24);
    common.writeUInt16LE(says.flags ?? 0x800, 0); // names are UTF-8
    common.writeUInt16LE(says.method ?? 8, 2);
    common.writeUInt32LE(says.crc ?? crc32(bytes), 8);
    common.writeUInt32LE(packed.length, 12);
    common.writeUInt32LE(says.size ?? bytes.length, 16);
    common.writeUInt16LE(nameBytes.length, 20);
    const local = Buffer.concat([
      Buffer.from('PK\x03\x04\x14\0', 'latin1'),
      common,
      nameBytes,
      packed,
    ]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode << 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    const made = Buffer.from('PK\x01\x02\x14\x03\x14\0', 'latin1'); // made by Unix
    directory.push(Buffer.concat([made, common, tail, nameBytes]));
    locals.push(local);
    offset += local.length;
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, listed, end]);
}
