import { crc32, inflateRawSync } from 'node:zlib';
import { FormatError } from '../format-error.js';
import { MemoryBudget } from '../memory-budget.js';
import { readDirectory, viewOf, type ZipEntry } from './zip-directory.js';
import { zipMethods, zipRecordBytes, zipSignatures } from './zip-records.js';

const encryptedFlag = 0x0001;

/** Where an entry's bytes lie. */
function dataRange(bytes: Uint8Array, entry: ZipEntry): { begin: number; end: number } {
  const { name, headerOffset } = entry;
  const view = viewOf(bytes);
  if (
    headerOffset + zipRecordBytes.localFile > bytes.length ||
    view.getUint32(headerOffset, true) !== zipSignatures.localFile
  ) {
    throw new FormatError(`the header of its entry ${name} is damaged`);
  }
  const begin =
    headerOffset +
    zipRecordBytes.localFile +
    view.getUint16(headerOffset + 26, true) +
    view.getUint16(headerOffset + 28, true);
  const end = begin + entry.compressedBytes;
  if (end > bytes.length) throw new FormatError(`its entry ${name} ends behind the file`);
  return { begin, end };
}

/**
 * A zip file in memory: its entries can be read in any order. Stored and deflated entries, zip64; nothing encrypted, no two
 * entries of one name, no entries that overlap. Methods throw FormatError.
 */
export class ZipArchive {
  readonly #bytes: Uint8Array;
  readonly #entries = new Map<string, ZipEntry>();
  readonly #budget: MemoryBudget;

  /** What is inflated is charged to the budget: weights hardly compress, so that more than it has is a bomb. */
  constructor(bytes: Uint8Array, budget = new MemoryBudget(bytes.length)) {
    this.#bytes = bytes;
    this.#budget = budget;
    for (const entry of readDirectory(bytes)) {
      if (this.#entries.has(entry.name)) {
        throw new FormatError(`two of its entries are called ${entry.name}`);
      }
      this.#entries.set(entry.name, entry);
    }
    this.#checkOverlap();
  }

  get names(): string[] {
    return [...this.#entries.keys()];
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** An entry's size, unpacked. */
  size(name: string): number {
    return this.#entry(name).numBytes;
  }

  /** An entry's contents; a view of the file where it is stored plainly. */
  read(name: string): Uint8Array {
    const entry = this.#entry(name);
    if ((entry.flags & encryptedFlag) !== 0)
      throw new FormatError(`its entry ${name} is encrypted`);
    const { begin, end } = dataRange(this.#bytes, entry);
    const contents = this.#unpack(entry, this.#bytes.subarray(begin, end));
    // PyTorch writes 0 where it was told to compute none (torch.utils.serialization.config.save.compute_crc32).
    if (entry.crc32 !== 0 && crc32(contents) !== entry.crc32) {
      throw new FormatError(`its entry ${name} is damaged: its checksum does not match`);
    }
    return contents;
  }

  #entry(name: string): ZipEntry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new FormatError(`it has no entry ${name}`);
    return entry;
  }

  #unpack(entry: ZipEntry, packed: Uint8Array): Uint8Array {
    const { name, method, numBytes } = entry;
    if (method === zipMethods.stored) {
      if (packed.length !== numBytes) {
        throw new FormatError(
          `its entry ${name} has ${packed.length} bytes and ought to have ${numBytes}`,
        );
      }
      return packed;
    }
    if (method !== zipMethods.deflated) {
      throw new FormatError(`its entry ${name} is packed by method ${method}; 0 and 8 are read`);
    }
    const { bytesLeft } = this.#budget;
    if (numBytes > bytesLeft) {
      throw new FormatError(
        `its entry ${name} would have ${numBytes} bytes unpacked, of at most ${bytesLeft}`,
      );
    }
    this.#budget.charge(numBytes, 'its entries');
    let contents: Uint8Array;
    try {
      contents = inflateRawSync(packed, { maxOutputLength: Math.max(1, numBytes) });
    } catch (error) {
      throw new FormatError(`its entry ${name} cannot be unpacked`, { cause: error });
    }
    if (contents.length !== numBytes) {
      throw new FormatError(
        `its entry ${name} has ${contents.length} bytes and ought to have ${numBytes}`,
      );
    }
    return contents;
  }

  /** Entries that share bytes are how a small file pretends to hold a large one. */
  #checkOverlap(): void {
    const sorted = [...this.#entries.values()].sort((a, b) => a.headerOffset - b.headerOffset);
    let end = 0;
    for (const entry of sorted) {
      if (entry.headerOffset < end)
        throw new FormatError(`its entry ${entry.name} overlaps another`);
      // The local header's own name and extra field may be longer: that is compared when the entry is read.
      end = entry.headerOffset + zipRecordBytes.localFile + entry.compressedBytes;
    }
  }
}
