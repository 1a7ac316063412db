import { FormatError } from '../format-error.js';
import type { MemoryBudget } from '../memory-budget.js';
import { unpickle } from '../pickle/unpickler.js';
import { ZipArchive } from '../zip/zip-archive.js';
import type { Pickled } from './pickled.js';
import { readStorageId } from './storage-id.js';
import { torchGlobal } from './torch-globals.js';

/**
 * PyTorch's format since 1.6 (torch/serialization.py `_save`, caffe2/serialize/inline_container.cc): a zip of NAME/data.pkl
 * and, for each storage, NAME/data/KEY.
 */

const pickleSuffix = /(?:^|\/)data\.pkl$/;

/** What is inflated is charged to the budget. Throws FormatError or RefusedGlobalError. */
export function readZipFile(bytes: Uint8Array, budget: MemoryBudget): Pickled {
  const archive = new ZipArchive(bytes, budget);
  const [pickleName, ...others] = archive.names.filter((name) => pickleSuffix.test(name));
  if (pickleName === undefined || others.length > 0) {
    throw new FormatError('it is a zip file without one data.pkl, which torch.save writes');
  }
  const folder = pickleName.slice(0, -'data.pkl'.length);
  if (archive.has(`${folder}constants.pkl`)) {
    throw new FormatError(
      'it is a TorchScript program (torch.jit.save), and no file of torch.save',
    );
  }
  const orderName = `${folder}byteorder`;
  if (archive.has(orderName)) {
    const order = Buffer.from(archive.read(orderName)).toString('latin1', 0, 16);
    if (order !== 'little') throw new FormatError(`its byte order is ${JSON.stringify(order)}`);
  }
  const { value } = unpickle(archive.read(pickleName), 0, {
    global: torchGlobal,
    persistent: readStorageId,
  });
  const read = new Map<string, Uint8Array>();
  return {
    format: 'pth',
    value,
    storageBytes: ({ key }) => {
      let storage = read.get(key);
      if (storage === undefined) {
        storage = archive.read(`${folder}data/${key}`);
        read.set(key, storage);
      }
      return storage;
    },
  };
}
