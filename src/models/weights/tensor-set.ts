/** One tensor of a state dict: float32, or int64 for batch norm's counters. Row-major. */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

/** A state dict: tensors by torchvision's names, in its order. */
export type TensorSet = ReadonlyMap<string, StoredTensor>;

/** A float32 tensor that must be there (the weights were matched with the network before). */
export function floatsOf(tensors: TensorSet, name: string): Float32Array {
  const tensor = tensors.get(name);
  if (!(tensor?.data instanceof Float32Array)) throw new Error(`no float32 tensor ${name}`);
  return tensor.data;
}
