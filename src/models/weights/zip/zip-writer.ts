import { crc32 } from 'node:zlib';
import { zip64Marker16, zip64Marker32, zipRecordBytes, zipSignatures } from './zip-records.js';

export interface ZipInput {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** Names are UTF-8. */
const utf8Flag = 0x0800;
/** The extra field that PyTorch pads with, "FB": readers pass over what they do not know. */
const paddingId = 0x4246;
const paddingByte = 0x5a;
/** 1 January 1980, the first date that there is, so that equal contents give equal bytes. */
const date = 0x0021;

/** The fields that the local header and the central directory have in common, from "version needed" on. */
function writeCommon(
  out: Buffer,
  at: number,
  { name, bytes }: { name: Buffer; bytes: Uint8Array },
  checksum: number,
): void {
  out.writeUInt16LE(20, at);
  out.writeUInt16LE(utf8Flag, at + 2);
  // Method 0, stored, at + 4; time 0 at + 6.
  out.writeUInt16LE(date, at + 8);
  out.writeUInt32LE(checksum, at + 10);
  out.writeUInt32LE(bytes.length, at + 14);
  out.writeUInt32LE(bytes.length, at + 18);
  out.writeUInt16LE(name.length, at + 22);
}

/**
 * A zip file whose entries are stored plainly and whose contents start at multiples of `alignment` bytes. The same input gives the
 * same bytes. Throws RangeError above 4 GiB or 65,534 entries, where zip64 would be needed.
 */
export function writeZip(inputs: readonly ZipInput[], alignment: number): Buffer {
  let position = 0;
  const entries = inputs.map(({ name, bytes }) => {
    const header = position;
    const nameBytes = Buffer.from(name);
    const unpadded = header + zipRecordBytes.localFile + nameBytes.length + 4;
    const padding = (alignment - (unpadded % alignment)) % alignment;
    const begin = unpadded + padding;
    position = begin + bytes.length;
    return { name: nameBytes, bytes, header, padding, begin };
  });
  const directory = position;
  const directoryBytes = entries.reduce(
    (sum, { name }) => sum + zipRecordBytes.centralFile + name.length,
    0,
  );
  const total = directory + directoryBytes + zipRecordBytes.end;
  if (total >= zip64Marker32 || entries.length >= zip64Marker16) {
    throw new RangeError(`a zip of ${total} bytes and ${entries.length} entries is too large`);
  }
  const out = Buffer.alloc(total);
  let at = directory;
  for (const entry of entries) {
    const { name, bytes, header, padding, begin } = entry;
    const checksum = crc32(bytes);
    out.writeUInt32LE(zipSignatures.localFile, header);
    writeCommon(out, header + 4, entry, checksum);
    out.writeUInt16LE(4 + padding, header + 28);
    const extra = header + zipRecordBytes.localFile + name.length;
    name.copy(out, header + zipRecordBytes.localFile);
    out.writeUInt16LE(paddingId, extra);
    out.writeUInt16LE(padding, extra + 2);
    out.fill(paddingByte, extra + 4, begin);
    out.set(bytes, begin);

    out.writeUInt32LE(zipSignatures.centralFile, at);
    out.writeUInt16LE(20, at + 4);
    writeCommon(out, at + 6, entry, checksum);
    out.writeUInt32LE(header, at + 42);
    name.copy(out, at + zipRecordBytes.centralFile);
    at += zipRecordBytes.centralFile + name.length;
  }
  out.writeUInt32LE(zipSignatures.end, at);
  out.writeUInt16LE(entries.length, at + 8);
  out.writeUInt16LE(entries.length, at + 10);
  out.writeUInt32LE(directoryBytes, at + 12);
  out.writeUInt32LE(directory, at + 16);
  return out;
}
