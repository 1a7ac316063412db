/**
 * Writes protocol 2, the one that torch.save uses, without a memo: each value is written where it stands. A method gives the
 * writer back, so that an object reads in the order of its bytes.
 */
export class PickleWriter {
  readonly #parts: Buffer[] = [Buffer.of(0x80, 2)];

  #op(...bytes: readonly number[]): this {
    this.#parts.push(Buffer.from(bytes));
    return this;
  }

  #op32(opcode: number, value: number, ...bytes: readonly Buffer[]): this {
    const head = Buffer.alloc(5);
    head[0] = opcode;
    head.writeUInt32LE(value >>> 0, 1);
    this.#parts.push(head, ...bytes);
    return this;
  }

  global(module: string, name: string): this {
    this.#parts.push(Buffer.from(`c${module}\n${name}\n`, 'latin1'));
    return this;
  }

  text(value: string): this {
    const bytes = Buffer.from(value);
    return this.#op32(0x58, bytes.length, bytes);
  }

  /** Below 2^32: shapes, strides, offsets, counts. */
  count(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32) {
      throw new RangeError(`${value} is no count`);
    }
    if (value < 0x100) return this.#op(0x4b, value);
    if (value < 0x80000000) return this.#op32(0x4a, value);
    // LONG1 with a fifth byte of zero, as the fourth holds the sign.
    this.#parts.push(
      Buffer.of(0x8a, 5, ...[0, 8, 16, 24].map((bits) => (value >>> bits) & 0xff), 0),
    );
    return this;
  }

  false(): this {
    return this.#op(0x89);
  }

  mark(): this {
    return this.#op(0x28);
  }

  emptyTuple(): this {
    return this.#op(0x29);
  }

  /** Of what lies above the mark. */
  tuple(): this {
    return this.#op(0x74);
  }

  counts(values: readonly number[]): this {
    this.mark();
    for (const value of values) this.count(value);
    return this.tuple();
  }

  /** Calls the global below with the tuple above. */
  reduce(): this {
    return this.#op(0x52);
  }

  persistentId(): this {
    return this.#op(0x51);
  }

  setItems(): this {
    return this.#op(0x75);
  }

  end(): Buffer {
    this.#op(0x2e);
    return Buffer.concat(this.#parts);
  }
}
