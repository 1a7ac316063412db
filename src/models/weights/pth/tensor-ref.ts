import { FormatError } from '../format-error.js';
import { PickleTuple } from '../pickle/values.js';

/** The bytes that tensors lie in, as a pickle names them. */
export interface StorageRef {
  /** Of the record with the bytes. */
  readonly key: string;
  /** The storage's own type; `untyped` where the tensor brings it. */
  readonly type: string;
  /** Elements (bytes, where untyped) of the storage. */
  readonly numElements: number;
  /** Elements before the first, where the storage is a view of another (old files). */
  readonly offset: number;
}

/** A tensor that is not read yet: element [i, j, ...] is the storage's number offset + i * strides[0] + j * strides[1] + ... */
export class TensorRef {
  readonly storage: StorageRef;
  readonly type: string;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];

  constructor(
    storage: StorageRef,
    type: string,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
  ) {
    this.storage = storage;
    this.type = type;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
}

/** PyTorch itself has no more than 64; a network's tensors have four at most. */
const maxDimensions = 8;

/** A count or offset: a number that is an exact integer and not negative. */
export function asSize(value: unknown, what: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw new FormatError(`its pickle has no valid ${what}`);
}

function asSizes(value: unknown, what: string): number[] {
  if (!(value instanceof PickleTuple)) throw new FormatError(`its pickle has no valid ${what}`);
  if (value.items.length > maxDimensions) {
    throw new FormatError(`a tensor has ${value.items.length} dimensions, over ${maxDimensions}`);
  }
  return value.items.map((item) => asSize(item, what));
}

/** Wraps a storage, so that a pickle's tuple cannot pretend to be one. */
export class StorageHandle {
  readonly storage: StorageRef;
  constructor(storage: StorageRef) {
    this.storage = storage;
  }
}

/** torch._utils._rebuild_tensor: (storage, offset, shape, strides, ...). `type` overrides the storage's. */
export function rebuildTensor(args: readonly unknown[], type?: string): TensorRef {
  const [handle, offset, shape, strides] = args;
  if (!(handle instanceof StorageHandle)) throw new FormatError('a tensor has no storage');
  const { storage } = handle;
  const sides = asSizes(shape, 'shape');
  const steps = asSizes(strides, 'stride');
  if (sides.length !== steps.length) {
    throw new FormatError(`a tensor has ${sides.length} sides and ${steps.length} strides`);
  }
  return new TensorRef(storage, type ?? storage.type, asSize(offset, 'offset'), sides, steps);
}
