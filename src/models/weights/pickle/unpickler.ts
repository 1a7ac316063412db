import { FormatError, RefusedGlobalError } from '../format-error.js';
import { ByteReader } from './byte-reader.js';
import { op } from './opcodes.js';
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
      if (opcode === op.STOP) return { value: this.#pop(), end: this.#reader.position };
      this.#step(opcode);
    }
  }

  #charge = (work: number): void => {
    this.#workLeft -= work;
    if (this.#workLeft < 0) throw new FormatError(`its pickle has more than ${maxWork} operations`);
  };

  /** Never takes what lies under an open bracket. */
  #pop(): unknown {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) {
      throw new FormatError('its pickle takes a value where there is none');
    }
    return this.#stack.pop();
  }

  #top(): unknown {
    const value = this.#pop();
    this.#stack.push(value);
    return value;
  }

  #popMark(): unknown[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw new FormatError('its pickle closes a bracket that is not open');
    return this.#stack.splice(mark);
  }

  #recall(key: number): unknown {
    const value = this.#memo.get(key);
    if (value === undefined) {
      throw new FormatError('its pickle refers to a value that is not there');
    }
    return value;
  }

  #tuple(length: number): PickleTuple {
    const items = Array.from({ length }, () => this.#pop());
    return new PickleTuple(items.reverse());
  }

  #bytes(length: number): PickleOpaque {
    this.#reader.skip(length);
    return new PickleOpaque('bytes');
  }

  #append(items: readonly unknown[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) throw new FormatError('its pickle appends to what is no list');
    for (const item of items) list.push(item);
  }

  #setItems(dict: unknown, items: readonly unknown[]): void {
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
    this.#stack.push(found);
  }

  #call(): void {
    const args = this.#pop();
    const callee = this.#pop();
    if (!(callee instanceof PickleGlobal) || callee.call === undefined) {
      throw new FormatError('its pickle calls what cannot be called');
    }
    if (!(args instanceof PickleTuple)) throw new FormatError('its pickle calls without a tuple');
    this.#charge(dictWork);
    this.#stack.push(callee.call(args.items, this.#charge));
  }

  /** An OrderedDict's attributes (state_dict's `_metadata`) are dropped; nothing else has any. */
  #build(): void {
    const state = this.#pop();
    if (!(this.#top() instanceof PickleDict) || !(state instanceof PickleDict)) {
      throw new FormatError('its pickle gives attributes to what has none');
    }
  }

  /** The value that an opcode and its argument are; undefined for any other opcode. */
  #literal(opcode: number): unknown {
    const reader = this.#reader;
    switch (opcode) {
      case op.NONE:
        return null;
      case op.NEWTRUE:
        return true;
      case op.NEWFALSE:
        return false;
      case op.BININT:
        return reader.int32();
      case op.BININT1:
        return reader.uint8();
      case op.BININT2:
        return reader.uint16();
      case op.LONG1:
        return reader.integer(reader.uint8());
      case op.LONG4:
        return reader.integer(reader.uint32());
      case op.BINFLOAT:
        return reader.float64();
      case op.BINUNICODE:
        return reader.text(reader.uint32());
      case op.SHORT_BINUNICODE:
        return reader.text(reader.uint8());
      case op.BINUNICODE8:
        return reader.text(reader.uint64());
      case op.BINSTRING:
        return reader.latin1(reader.uint32());
      case op.SHORT_BINSTRING:
        return reader.latin1(reader.uint8());
      case op.BINBYTES:
        return this.#bytes(reader.uint32());
      case op.SHORT_BINBYTES:
        return this.#bytes(reader.uint8());
      case op.BINBYTES8:
      case op.BYTEARRAY8:
        return this.#bytes(reader.uint64());
      case op.BINGET:
        return this.#recall(reader.uint8());
      case op.LONG_BINGET:
        return this.#recall(reader.uint32());
      default:
        return undefined;
    }
  }

  /** The container that an opcode makes out of the stack; undefined for any other opcode. */
  #container(opcode: number): object | undefined {
    switch (opcode) {
      case op.EMPTY_TUPLE:
        return this.#tuple(0);
      case op.TUPLE1:
        return this.#tuple(1);
      case op.TUPLE2:
        return this.#tuple(2);
      case op.TUPLE3:
        return this.#tuple(3);
      case op.TUPLE:
        return new PickleTuple(this.#popMark());
      case op.EMPTY_LIST:
        return [];
      case op.LIST:
        return this.#popMark();
      case op.EMPTY_DICT:
        return new PickleDict();
      case op.DICT: {
        const dict = new PickleDict();
        this.#setItems(dict, this.#popMark());
        return dict;
      }
      case op.EMPTY_SET:
        return new PickleOpaque('set');
      case op.FROZENSET:
        this.#popMark();
        return new PickleOpaque('frozenset');
      default:
        return undefined;
    }
  }

  #step(opcode: number): void {
    const literal = this.#literal(opcode);
    if (literal !== undefined) {
      this.#stack.push(literal);
      return;
    }
    const container = this.#container(opcode);
    if (container !== undefined) {
      this.#charge(container instanceof PickleDict ? dictWork : containerWork);
      this.#stack.push(container);
      return;
    }
    this.#act(opcode);
  }

  #act(opcode: number): void {
    const reader = this.#reader;
    switch (opcode) {
      case op.PROTO:
        if (reader.uint8() > 5) throw new FormatError('its pickle is of a protocol over 5');
        break;
      case op.FRAME:
        reader.uint64();
        break;
      case op.MARK:
        if (this.#marks.length >= maxMarks) throw new FormatError('its pickle is nested too deep');
        this.#marks.push(this.#stack.length);
        break;
      case op.POP:
        this.#pop();
        break;
      case op.POP_MARK:
        this.#popMark();
        break;
      case op.DUP:
        this.#stack.push(this.#top());
        break;
      case op.APPEND: {
        const item = this.#pop();
        this.#append([item]);
        break;
      }
      case op.APPENDS:
        this.#append(this.#popMark());
        break;
      case op.SETITEM: {
        const value = this.#pop();
        const key = this.#pop();
        this.#setItems(this.#top(), [key, value]);
        break;
      }
      case op.SETITEMS: {
        const items = this.#popMark();
        this.#setItems(this.#top(), items);
        break;
      }
      case op.ADDITEMS:
        this.#popMark();
        break;
      case op.BINPUT:
        this.#memo.set(reader.uint8(), this.#top());
        break;
      case op.LONG_BINPUT:
        this.#memo.set(reader.uint32(), this.#top());
        break;
      case op.MEMOIZE:
        this.#memo.set(this.#memo.size, this.#top());
        break;
      case op.GLOBAL:
        this.#global(reader.line(), reader.line());
        break;
      case op.STACK_GLOBAL: {
        const name = this.#pop();
        this.#global(this.#pop(), name);
        break;
      }
      case op.INST:
        // Read for its name alone: no allowed global is made in this way.
        throw new RefusedGlobalError(`${reader.line()}.${reader.line()}`);
      case op.REDUCE:
      case op.NEWOBJ:
        this.#call();
        break;
      case op.BUILD:
        this.#build();
        break;
      case op.BINPERSID:
        this.#stack.push(this.#options.persistent(this.#pop()));
        break;
      default:
        throw new FormatError(
          `its pickle has the opcode 0x${opcode.toString(16).padStart(2, '0')}, which torch.save does not write`,
        );
    }
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
