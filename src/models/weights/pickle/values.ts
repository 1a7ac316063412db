/**
 * What a pickle's values become: None is null, booleans, numbers (bigint where a double would not be exact) and strings are
 * themselves, a list is an array; the rest is below. A value may be part of itself: never walk one without a bound.
 */

export class PickleTuple {
  readonly items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** dict and OrderedDict. Keys that are no strings or numbers are told apart by identity. */
export class PickleDict {
  readonly entries = new Map<unknown, unknown>();
}

/** A thing that is nothing to us (a set, bytes, a device), and may be there. */
export class PickleOpaque {
  readonly kind: string;
  constructor(kind: string) {
    this.kind = kind;
  }
}

/** What an allowed global is called with, and gives. Throws FormatError. */
export type PickleCall = (args: readonly unknown[], charge: (work: number) => void) => unknown;

/** An allowed global on the stack. Without `call` it is a mere word, such as a type. */
export class PickleGlobal {
  readonly name: string;
  readonly call: PickleCall | undefined;
  constructor(name: string, call?: PickleCall) {
    this.name = name;
    this.call = call;
  }
}
