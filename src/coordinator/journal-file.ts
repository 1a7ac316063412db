import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError, syncFolder } from '../util/atomic-file.js';
import type { JournalFile } from './journal.js';

/** Opens, or makes, the file of a journal. Rejects with FT_DISK_FULL or FT_NOT_WRITABLE. */
export async function openJournalFile(path: string): Promise<JournalFile> {
  const explained = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw diskError(error, path);
    }
  };
  // `a+`: reads anywhere, writes at the end only.
  const file = await explained(() => open(path, 'a+'));
  // The name itself must survive a power cut, as the commits that are written to it must.
  await explained(() => syncFolder(dirname(path)));
  return {
    read: () =>
      explained(async () => {
        const bytes = Buffer.alloc((await file.stat()).size);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
        return bytes.subarray(0, bytesRead);
      }),
    append: (bytes) => explained(() => file.appendFile(bytes)),
    sync: () => explained(() => file.datasync()),
    truncate: (length) => explained(() => file.truncate(length)),
    close: () => file.close(),
  };
}
