import { elementTypes, isElementType } from '../element-types.js';
import { FormatError } from '../format-error.js';
import { unpickle } from '../pickle/unpickler.js';
import { PickleDict } from '../pickle/values.js';
import { viewOf } from '../zip/zip-directory.js';
import type { Pickled } from './pickled.js';
import { readStorageId } from './storage-id.js';
import type { StorageHandle } from './tensor-ref.js';
import { torchGlobal } from './torch-globals.js';

/**
 * PyTorch's format before 1.6 (torch/serialization.py `_legacy_save`), which torchvision's older published files have: five
 * pickles (magic number, protocol version, facts about the system, the object, the keys of the storages in order), then for
 * each storage its number of elements as int64 and its bytes.
 */

const magic = 0x1950a86a20f9469cfc6cn;
const protocolVersion = 1001;
/** LONG1 and its ten bytes. */
const magicBytes = Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex');

/** Whether bytes start with a pickle of the magic number: what comes before it depends on the protocol. */
export function isLegacyFile(bytes: Uint8Array): boolean {
  return bytes[0] === 0x80 && Buffer.from(bytes.subarray(0, 32)).includes(magicBytes);
}

/** Plain values alone. */
const nothing = {
  global: () => undefined,
  persistent: () => {
    throw new FormatError('its pickle refers to a storage where there is none');
  },
};

/** The element size of a storage's class; complex numbers are known by name only. */
function elementBytes(type: string): number {
  if (type === 'untyped') return 1;
  if (isElementType(type)) return elementTypes[type].bytes;
  return type === 'complex128' ? 16 : 8;
}

/** Throws FormatError or RefusedGlobalError. */
export function readLegacyFile(bytes: Uint8Array): Pickled {
  const magicPickle = unpickle(bytes, 0, nothing);
  if (magicPickle.value !== magic) throw new FormatError("its magic number is not torch.save's");
  const version = unpickle(bytes, magicPickle.end, nothing);
  if (version.value !== protocolVersion) throw new FormatError('it is of an unknown version');
  const system = unpickle(bytes, version.end, nothing);
  if (!(system.value instanceof PickleDict) || system.value.entries.get('little_endian') !== true) {
    throw new FormatError('its byte order is not little-endian');
  }
  const handles = new Map<string, StorageHandle>();
  const object = unpickle(bytes, system.end, {
    global: torchGlobal,
    persistent: (id) => {
      const handle = readStorageId(id);
      const { key, type } = handle.storage;
      const known = handles.get(key);
      if (known !== undefined && known.storage.type !== type) {
        throw new FormatError(`its storage ${key} has two types`);
      }
      handles.set(key, handle);
      return handle;
    },
  });
  const keys = unpickle(bytes, object.end, nothing);
  if (!Array.isArray(keys.value)) throw new FormatError('it has no list of storages');
  const storages = new Map<string, Uint8Array>();
  const view = viewOf(bytes);
  let position = keys.end;
  for (const key of keys.value as readonly unknown[]) {
    const type = typeof key === 'string' ? handles.get(key)?.storage.type : undefined;
    if (type === undefined || storages.has(key as string)) {
      throw new FormatError('its list of storages does not fit its tensors');
    }
    if (position + 8 > bytes.length) throw new FormatError('it is cut off');
    const numBytes = Number(view.getBigInt64(position, true)) * elementBytes(type);
    position += 8;
    if (numBytes < 0 || numBytes > bytes.length - position) throw new FormatError('it is cut off');
    storages.set(key as string, bytes.subarray(position, position + numBytes));
    position += numBytes;
  }
  return {
    format: 'pth-legacy',
    value: object.value,
    storageBytes: ({ key }) => {
      const storage = storages.get(key);
      if (storage === undefined) throw new FormatError(`it lacks the bytes of storage ${key}`);
      return storage;
    },
  };
}
