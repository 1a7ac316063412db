import { FormatError, RefusedGlobalError } from '../format-error.js';
import { ByteReader } from './byte-reader.js';
import { PickleDict, PickleGlobal, PickleOpaque, PickleTuple } from './values.js';

/**
 * A pickle machine (https://github.com/python/cpython/blob/main/Lib/pickletools.py has the opcodes) that can build values and
 * nothing else: a global is looked up in an allow-list of ours, never imported, and what it is called with stays inside
 * of this process's own code. Time and memory are bounded by the number of opcodes.
 */

/**
 * Work and memory are counted alike: an opcode is 1, a tuple, list or set 2 more, a dictionary or a call 8. A tensor takes
 * about 60, so that there may be 30,000; densenet201 with Adam's state has 3,100.
 */
const maxWork = 2_000_000;
const containerWork = 2;
const dictWork = 8;
/** Open brackets; torch.save opens three per tensor and closes them. */
const maxMarks = 1000;
/** The pickle of densenet201's state dict, the longest, has 0.1 MB. */
const maxPickleBytes = 64 * 1024 * 1024;

export interface UnpickleOptions {
  /** The allow-list: undefined refuses. */
  readonly global: (name: string) => PickleGlobal | undefined;
  /** What a persistent id stands for. Throws FormatError. */
  readonly persistent: (id: unknown) => unknown;
}

class Unpickler {
  readonly #reader: ByteReader;
  readonly #options: UnpickleOptions;
  readonly #stack: unknown[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, unknown>();
  readonly #start: number;
  #workLeft = maxWork;

  constructor(bytes: Uint8Array, position: number, options: UnpickleOptions) {
    this.#reader = new ByteReader(bytes, position);
    this.#start = position;
    this.#options = options;
  }

  run(): { value: unknown; end: number } {
    for (;;) {
      const opcode = this.#reader.uint8();
      this.#charge(1);
      if (this.#reader.position - this.#start > maxPickleBytes) {
        throw new FormatError(`its pickle has more than ${maxPickleBytes} bytes`);
      }
      if (opcode === 0x2e /* STOP */) return { value: this.#pop(), end: this.#reader.position };
      this.#step(opcode);
    }
  }

  #charge = (work: number): void => {
    this.#workLeft -= work;
    if (this.#workLeft < 0) throw new FormatError(`its pickle has more than ${maxWork} operations`);
  };

  #push(value: unknown): void {
    this.#stack.push(value);
  }

  /** Never takes what lies under an open bracket. */
  #pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) {
      throw new FormatError('its pickle takes a value where there is none');
    }
    return this.#stack.pop();
  }

  #top(): unknown {
    const value = this.#pop();
    this.#push(value);
    return value;
  }

  #popMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new FormatError('its pickle closes a bracket that is not open');
    return this.#stack.splice(mark);
  }

  #memoise(key: number): void {
    this.#memo.set(key, this.#top());
  }

  #recall(key: number): void {
    if (!this.#memo.has(key))
      throw new FormatError('its pickle refers to a value that is not there');
    this.#push(this.#memo.get(key));
  }

  #pushTuple(length: number): void {
    const items = Array.from({ length }, () => this.#pop());
    this.#pushContainer(new PickleTuple(items.reverse()));
  }

  #pushContainer(value: object): void {
    this.#charge(value instanceof PickleDict ? dictWork : containerWork);
    this.#push(value);
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new FormatError('its pickle appends to what is no list');
    for (const item of items) list.push(item);
  }

  #setItems(items: readonly unknown[]): void {
    const dict = this.#top();
    if (!(dict instanceof PickleDict)) {
      throw new FormatError('its pickle sets an item of what is no dictionary');
    }
    if (items.length % 2 !== 0) throw new FormatError('its pickle has a key without a value');
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i], items[i + 1]);
  }

  #global(module: unknown, name: unknown): void {
    if (typeof module !== 'string' || typeof name !== 'string') {
      throw new FormatError('its pickle names a global by what is no text');
    }
    const full = `${module}.${name}`;
    const found = this.#options.global(full);
    if (found === undefined) throw new RefusedGlobalError(full);
    this.#push(found);
  }

  #call(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof PickleGlobal) || callee.call === undefined) {
      throw new FormatError('its pickle calls what cannot be called');
    }
    if (!(args instanceof PickleTuple)) throw new FormatError('its pickle calls without a tuple');
    this.#charge(dictWork);
    this.#push(callee.call(args.items, this.#charge));
  }

  /** An OrderedDict's attributes (state_dict's `_metadata`) are dropped; nothing else has any. */
  #build(): void {
    const state = this.#pop();
    if (!(this.#top() instanceof PickleDict) || !(state instanceof PickleDict)) {
      throw new FormatError('its pickle gives attributes to what has none');
    }
  }

  #step(opcode: number): void {
    const reader = this.#reader;
    switch (opcode) {
      case 0x80: // PROTO
        if (reader.uint8() > 5) throw new FormatError('its pickle is of a protocol over 5');
        return;
      case 0x95: // FRAME
        reader.uint64();
        return;
      case 0x28: // MARK
        if (this.#marks.length >= maxMarks) throw new FormatError('its pickle is nested too deep');
        this.#marks.push(this.#stack.length);
        return;
      case 0x30: // POP
        this.#pop();
        return;
      case 0x31: // POP_MARK
        this.#popMark();
        return;
      case 0x32: // DUP
        this.#push(this.#top());
        return;

      case 0x4e: // NONE
        return this.#push(null);
      case 0x88: // NEWTRUE
        return this.#push(true);
      case 0x89: // NEWFALSE
        return this.#push(false);
      case 0x4a: // BININT
        return this.#push(reader.int32());
      case 0x4b: // BININT1
        return this.#push(reader.uint8());
      case 0x4d: // BININT2
        return this.#push(reader.uint16());
      case 0x8a: // LONG1
        return this.#push(reader.integer(reader.uint8()));
      case 0x8b: // LONG4
        return this.#push(reader.integer(reader.uint32()));
      case 0x47: // BINFLOAT
        return this.#push(reader.float64());
      case 0x58: // BINUNICODE
        return this.#push(reader.text(reader.uint32()));
      case 0x8c: // SHORT_BINUNICODE
        return this.#push(reader.text(reader.uint8()));
      case 0x8d: // BINUNICODE8
        return this.#push(reader.text(reader.uint64()));
      case 0x54: // BINSTRING
        return this.#push(reader.latin1(reader.uint32()));
      case 0x55: // SHORT_BINSTRING
        return this.#push(reader.latin1(reader.uint8()));
      case 0x42: // BINBYTES
        return this.#skipBytes(reader.uint32());
      case 0x43: // SHORT_BINBYTES
        return this.#skipBytes(reader.uint8());
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return this.#skipBytes(reader.uint64());

      case 0x29: // EMPTY_TUPLE
        return this.#pushTuple(0);
      case 0x85: // TUPLE1
        return this.#pushTuple(1);
      case 0x86: // TUPLE2
        return this.#pushTuple(2);
      case 0x87: // TUPLE3
        return this.#pushTuple(3);
      case 0x74: // TUPLE
        return this.#pushContainer(new PickleTuple(this.#popMark()));
      case 0x5d: // EMPTY_LIST
        return this.#pushContainer([]);
      case 0x6c: // LIST
        return this.#pushContainer(this.#popMark());
      case 0x61: // APPEND
        return this.#append([this.#pop()]);
      case 0x65: // APPENDS
        return this.#append(this.#popMark());
      case 0x7d: // EMPTY_DICT
        return this.#pushContainer(new PickleDict());
      case 0x64: {
        // DICT
        const items = this.#popMark();
        this.#pushContainer(new PickleDict());
        return this.#setItems(items);
      }
      case 0x73: {
        // SETITEM
        const value = this.#pop();
        return this.#setItems([this.#pop(), value]);
      }
      case 0x75: // SETITEMS
        return this.#setItems(this.#popMark());
      case 0x8f: // EMPTY_SET
        return this.#pushContainer(new PickleOpaque('set'));
      case 0x90: // ADDITEMS
        this.#popMark();
        return;
      case 0x91: // FROZENSET
        this.#popMark();
        return this.#pushContainer(new PickleOpaque('frozenset'));

      case 0x68: // BINGET
        return this.#recall(reader.uint8());
      case 0x6a: // LONG_BINGET
        return this.#recall(reader.uint32());
      case 0x71: // BINPUT
        return this.#memoise(reader.uint8());
      case 0x72: // LONG_BINPUT
        return this.#memoise(reader.uint32());
      case 0x94: // MEMOIZE
        return this.#memoise(this.#memo.size);

      case 0x63: // GLOBAL
        return this.#global(reader.line(), reader.line());
      case 0x69: // INST: named for its message alone, as no class can be made by it
        throw new RefusedGlobalError(`${reader.line()}.${reader.line()}`);
      case 0x93: {
        // STACK_GLOBAL
        const name = this.#pop();
        return this.#global(this.#pop(), name);
      }
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return this.#call();
      case 0x62: // BUILD
        return this.#build();
      case 0x51: // BINPERSID
        return this.#push(this.#options.persistent(this.#pop()));
      default:
        throw new FormatError(
          `its pickle has the opcode 0x${opcode.toString(16).padStart(2, '0')}, which torch.save does not write`,
        );
    }
  }

  #skipBytes(length: number): void {
    this.#reader.skip(length);
    this.#push(new PickleOpaque('bytes'));
  }
}

/**
 * Reads the pickle that starts at `position`; `end` is the offset behind it. Throws FormatError, or RefusedGlobalError for
 * a global that is not on the allow-list.
 */
export function unpickle(
  bytes: Uint8Array,
  position: number,
  options: UnpickleOptions,
): { value: unknown; end: number } {
  return new Unpickler(bytes, position, options).run();
}
