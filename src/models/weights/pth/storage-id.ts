import { FormatError } from '../format-error.js';
import { PickleGlobal, PickleTuple } from '../pickle/values.js';
import { asSize, StorageHandle } from './tensor-ref.js';
import { storageTypeOfGlobal } from './torch-globals.js';

/**
 * A persistent id: ('storage', class, key, location, elements), and in files of before PyTorch 1.6 a sixth item, null or
 * (key, offset, elements) of a view. Where the bytes lay (which GPU) does not matter. Throws FormatError.
 */
export function readStorageId(id: unknown): StorageHandle {
  if (!(id instanceof PickleTuple)) throw new FormatError('its pickle refers to no storage');
  const [kind, storageClass, key, , count, view = null] = id.items;
  if (kind !== 'storage' || typeof key !== 'string') {
    throw new FormatError('its pickle refers to something else than a storage');
  }
  const type =
    storageClass instanceof PickleGlobal ? storageTypeOfGlobal.get(storageClass.name) : undefined;
  if (type === undefined) throw new FormatError('its pickle has a storage without a type');
  const numElements = asSize(count, 'storage size');
  let offset = 0;
  if (view !== null) {
    if (!(view instanceof PickleTuple)) throw new FormatError('its pickle has no valid view');
    offset = asSize(view.items[1], 'view offset');
  }
  return new StorageHandle({ key, type, numElements, offset });
}
