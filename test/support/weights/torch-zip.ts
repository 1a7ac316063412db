import { writeZip } from '../../../src/models/weights/zip/zip-writer.js';

/** A file in PyTorch's format: a pickle and its storages. */
export function torchZip(
  pickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
): Buffer {
  return writeZip(
    [
      { name: 'archive/data.pkl', bytes: pickle },
      { name: 'archive/byteorder', bytes: Buffer.from('little') },
      ...Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, bytes })),
      { name: 'archive/version', bytes: Buffer.from('3\n') },
    ],
    64,
  );
}
