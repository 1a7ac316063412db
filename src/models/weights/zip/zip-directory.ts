import { FormatError } from '../format-error.js';
import {
  zip64ExtraId,
  zip64Marker16,
  zip64Marker32,
  zipRecordBytes,
  zipSignatures,
} from './zip-records.js';

/** One file in a zip, as the central directory has it. */
export interface ZipEntry {
  readonly name: string;
  readonly method: number;
  readonly flags: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly numBytes: number;
  /** Of the local file header. */
  readonly headerOffset: number;
}

/** A network has some hundred tensors, a checkpoint with an optimizer some thousand. */
const maxEntries = 200_000;
const maxNameBytes = 1024;
/** The end record is followed by a comment of at most 65,535 bytes. */
const maxCommentBytes = 0xffff;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An unsigned 64-bit number that can be an offset in a file that we hold. */
function getSize(view: DataView, offset: number): number {
  const value = view.getBigUint64(offset, true);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new FormatError(`it has the size ${value}`);
  return Number(value);
}

function findEnd(view: DataView): number {
  const last = view.byteLength - zipRecordBytes.end;
  for (let at = last; at >= 0 && last - at <= maxCommentBytes; at--) {
    if (view.getUint32(at, true) !== zipSignatures.end) continue;
    if (at + zipRecordBytes.end + view.getUint16(at + 20, true) === view.byteLength) return at;
  }
  throw new FormatError('it has no end record: it is cut off, or no zip file');
}

/** Number of entries, and where the central directory lies. */
function readEnd(view: DataView): { numEntries: number; numBytes: number; offset: number } {
  const end = findEnd(view);
  const numEntries = view.getUint16(end + 10, true);
  const numBytes = view.getUint32(end + 12, true);
  const offset = view.getUint32(end + 16, true);
  const locator = end - zipRecordBytes.zip64Locator;
  const hasZip64 = locator >= 0 && view.getUint32(locator, true) === zipSignatures.zip64Locator;
  if (!hasZip64) {
    if (numEntries === zip64Marker16 || offset === zip64Marker32 || numBytes === zip64Marker32) {
      throw new FormatError('its zip64 record is missing');
    }
    return { numEntries, numBytes, offset };
  }
  const at = getSize(view, locator + 8);
  if (at + zipRecordBytes.zip64End > locator) {
    throw new FormatError('its zip64 record lies outside of the file');
  }
  if (view.getUint32(at, true) !== zipSignatures.zip64End) {
    throw new FormatError('its zip64 record is damaged');
  }
  return {
    numEntries: getSize(view, at + 32),
    numBytes: getSize(view, at + 40),
    offset: getSize(view, at + 48),
  };
}

/** The values that do not fit into 32 bits, in the order in which the zip64 extra field has them. */
function zip64Values(extra: DataView, count: number): number[] {
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const id = extra.getUint16(at, true);
    const size = extra.getUint16(at + 2, true);
    if (id === zip64ExtraId) {
      if (size < 8 * count || at + 4 + size > extra.byteLength) break;
      return Array.from({ length: count }, (_, i) => getSize(extra, at + 4 + 8 * i));
    }
    at += 4 + size;
  }
  throw new FormatError('an entry lacks its zip64 sizes');
}

function readEntry(bytes: Uint8Array, at: number, end: number): { entry: ZipEntry; next: number } {
  const view = viewOf(bytes);
  if (
    at + zipRecordBytes.centralFile > end ||
    view.getUint32(at, true) !== zipSignatures.centralFile
  ) {
    throw new FormatError('its directory is damaged');
  }
  const nameBytes = view.getUint16(at + 28, true);
  const extraBytes = view.getUint16(at + 30, true);
  const nameAt = at + zipRecordBytes.centralFile;
  const extraAt = nameAt + nameBytes;
  const next = extraAt + extraBytes + view.getUint16(at + 32, true);
  if (next > end) throw new FormatError('its directory is damaged');
  if (nameBytes > maxNameBytes) throw new FormatError(`a name in it has ${nameBytes} bytes`);
  let [numBytes, compressedBytes, headerOffset] = [24, 20, 42].map((field) =>
    view.getUint32(at + field, true),
  ) as [number, number, number];
  const isLong = (value: number): boolean => value === zip64Marker32;
  const count = [numBytes, compressedBytes, headerOffset].filter(isLong).length;
  if (count > 0) {
    const values = zip64Values(viewOf(bytes.subarray(extraAt, extraAt + extraBytes)), count);
    if (isLong(numBytes)) numBytes = values.shift()!;
    if (isLong(compressedBytes)) compressedBytes = values.shift()!;
    if (isLong(headerOffset)) headerOffset = values.shift()!;
  }
  const entry = {
    name: Buffer.from(bytes.subarray(nameAt, extraAt)).toString('utf8'),
    method: view.getUint16(at + 10, true),
    flags: view.getUint16(at + 8, true),
    crc32: view.getUint32(at + 16, true),
    compressedBytes,
    numBytes,
    headerOffset,
  };
  return { entry, next };
}

/** The entries of a zip file, from its central directory alone. Throws FormatError. */
export function readDirectory(bytes: Uint8Array): ZipEntry[] {
  const { numEntries, numBytes, offset } = readEnd(viewOf(bytes));
  const end = offset + numBytes;
  if (end > bytes.length) throw new FormatError('its directory lies outside of the file');
  if (numEntries > maxEntries || numEntries * zipRecordBytes.centralFile > numBytes) {
    throw new FormatError(`its directory of ${numBytes} bytes cannot have ${numEntries} entries`);
  }
  const entries: ZipEntry[] = [];
  let at = offset;
  for (let i = 0; i < numEntries; i++) {
    const { entry, next } = readEntry(bytes, at, end);
    entries.push(entry);
    at = next;
  }
  return entries;
}
