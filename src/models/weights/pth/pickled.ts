import type { StorageRef } from './tensor-ref.js';

/** A file of torch.save, its pickle read and its tensors not. */
export interface Pickled {
  readonly format: 'pth' | 'pth-legacy';
  /** The pickled object; its tensors are TensorRefs. */
  readonly value: unknown;
  /** The bytes of a storage. Throws FormatError. */
  readonly storageBytes: (storage: StorageRef) => Uint8Array;
}
