import { FormatError } from '../format-error.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const maxLineBytes = 1024;
/** A tensor's name has some dozen bytes. */
const maxTextBytes = 1024 * 1024;
/** A pickled integer of this size has 307 digits: torch's largest, the magic number of its files, has 10 bytes. */
const maxIntegerBytes = 128;

/** Reads a pickle's arguments one after the other. Every length is checked before it is used. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = position;
  }

  /** Of the next byte. */
  get position(): number {
    return this.#position;
  }

  /** Goes over `length` bytes; gives the offset of the first. */
  skip(length: number): number {
    const at = this.#position;
    if (length > this.#bytes.length - at) throw new FormatError('its pickle is cut off');
    this.#position = at + length;
    return at;
  }

  take(length: number): Uint8Array {
    const at = this.skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  uint8(): number {
    return this.#view.getUint8(this.skip(1));
  }

  uint16(): number {
    return this.#view.getUint16(this.skip(2), true);
  }

  uint32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  int32(): number {
    return this.#view.getInt32(this.skip(4), true);
  }

  /** A length of 64 bits. */
  uint64(): number {
    const value = this.#view.getBigUint64(this.skip(8), true);
    if (value > BigInt(this.#bytes.length)) throw new FormatError('its pickle is cut off');
    return Number(value);
  }

  /** Big-endian, unlike all else in a pickle. */
  float64(): number {
    return this.#view.getFloat64(this.skip(8), false);
  }

  /** Two's complement of any length: a number where it is exact, else a bigint. */
  integer(length: number): number | bigint {
    if (length > maxIntegerBytes)
      throw new FormatError(`its pickle has an integer of ${length} bytes`);
    let value = 0n;
    const bytes = this.take(length);
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    const signed = BigInt.asIntN(8 * length, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  #checkText(length: number): void {
    if (length > maxTextBytes) throw new FormatError(`its pickle has a text of ${length} bytes`);
  }

  text(length: number): string {
    this.#checkText(length);
    try {
      return utf8.decode(this.take(length));
    } catch (error) {
      if (error instanceof FormatError) throw error;
      throw new FormatError('its pickle has a text that is no UTF-8', { cause: error });
    }
  }

  /** Python 2's str. */
  latin1(length: number): string {
    this.#checkText(length);
    return Buffer.from(this.take(length)).toString('latin1');
  }

  /** Up to the next line feed, without it. */
  line(): string {
    const end = this.#bytes.subarray(0, this.#position + maxLineBytes).indexOf(10, this.#position);
    if (end < 0) throw new FormatError('its pickle has a name without an end');
    const line = this.text(end - this.#position);
    this.skip(1);
    return line;
  }
}
