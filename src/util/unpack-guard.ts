import { FtctlError } from '../errors/index.js';

/** What an archive may hold at most. */
export interface UnpackLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  /** Unpacked bytes per byte of the archive; looked at above {@link ratioFreeBytes} only. Absent: no limit. */
  readonly maxRatio?: number;
}

/** Text compresses very well: small archives may do so as far as they like. */
const ratioFreeBytes = 64 * 2 ** 20;

/** Longest name of a file that common file systems take, in bytes. */
const maxNameBytes = 255;

/**
 * Decides on each entry of an archive before a byte of it is written: that it stays in the folder, and that all together stay
 * within limits.
 */
export class UnpackGuard {
  numFiles = 0;
  numBytes = 0;
  readonly #limits: UnpackLimits;
  readonly #archiveBytes: number;

  constructor(limits: UnpackLimits, archiveBytes: number) {
    this.#limits = limits;
    this.#archiveBytes = archiveBytes;
  }

  /** Why a folder of this name may not be made, or null. */
  refuseFolder(path: string): string | null {
    this.#numEntries += 1;
    return refusePath(path) ?? this.#refuseTotals();
  }

  /** Why a file of this name and size may not be written, or null; then it is counted. */
  refuseFile(path: string, numBytes: number): string | null {
    this.#numEntries += 1;
    this.numFiles += 1;
    this.numBytes += numBytes;
    return refusePath(path) ?? this.#refuseTotals();
  }

  /** Why an entry of this size, which is not written, may not be there, or null; then it is counted. */
  passOver(numBytes: number): string | null {
    this.#numEntries += 1;
    this.numBytes += numBytes;
    return this.#refuseTotals();
  }

  #numEntries = 0;

  #refuseTotals(): string | null {
    const { maxEntries, maxBytes, maxRatio = Infinity } = this.#limits;
    if (this.#numEntries > maxEntries) return `over ${maxEntries} files and folders`;
    if (this.numBytes > maxBytes) return `over ${maxBytes} bytes unpacked`;
    const isFree = this.numBytes <= ratioFreeBytes;
    if (!isFree && this.numBytes > maxRatio * this.#archiveBytes) {
      return `over ${maxRatio} times its own ${this.#archiveBytes} bytes unpacked`;
    }
    return null;
  }
}

/** Backslashes and drive letters too: they are separators on Windows, and no sane archive has them. */
function refusePath(path: string): string | null {
  const parts = path.split(/[/\\]/);
  if (/^([/\\]|[a-z]:)/i.test(path) || parts.includes('..')) {
    return `${JSON.stringify(path)} leads out of the folder`;
  }
  if (path.includes('\0') || path.includes('\\')) {
    return `${JSON.stringify(path)} is no name of a file`;
  }
  if (parts.some((part) => Buffer.byteLength(part) > maxNameBytes)) {
    return `${JSON.stringify(path.slice(0, 60))}... has a name of over ${maxNameBytes} bytes`;
  }
  return null;
}

/** An archive that cannot be unpacked, and why. */
export function archiveError(archive: string, reason: string, cause?: unknown): FtctlError {
  return new FtctlError('FT_DATA_ARCHIVE', {
    what: `${archive} cannot be unpacked: ${reason.replace(/\.+$/, '')}.`,
    ...(cause === undefined ? {} : { cause }),
  });
}
