import { gzipSync } from 'node:zlib';
import { Header } from 'tar';

const blockBytes = 512;

/** The header of a plain file, or of a folder where the name ends in a slash. */
export function tarHeader(path: string, size: number): Buffer {
  const block = Buffer.alloc(blockBytes);
  const type = path.endsWith('/') ? 'Directory' : 'File';
  new Header({ ...{ path, size, type, mode: 0o644 } }).encode(block);
  return block;
}

/** A tar archive, entry by entry, whatever their names. */
export function tarOf(entries: readonly { name: string; content?: string }[]): Buffer {
  const blocks = entries.flatMap(({ name, content = '' }) => {
    const bytes = Buffer.from(content);
    const padding = Buffer.alloc((blockBytes - (bytes.length % blockBytes)) % blockBytes);
    return [tarHeader(name, bytes.length), bytes, padding];
  });
  return Buffer.concat([...blocks, Buffer.alloc(2 * blockBytes)]);
}

/** A gzipped tar with `before`, then a file `bomb` of so many MiB of zeros: a thousandth of them as it lies there. */
export function tarBomb(
  numMib: number,
  before: readonly { name: string; content?: string }[] = [],
) {
  const mib = 1024 * 1024;
  const start = tarOf(before).subarray(0, -2 * blockBytes);
  // gzip allows for members one after the other: the zeros are packed once.
  return Buffer.concat([
    gzipSync(Buffer.concat([start, tarHeader('bomb', numMib * mib)])),
    ...Array<Buffer>(numMib).fill(gzipSync(Buffer.alloc(mib))),
    gzipSync(Buffer.alloc(2 * blockBytes)),
  ]);
}
