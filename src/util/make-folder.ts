import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError } from './atomic-file.js';
import { isFolder } from './is-folder.js';

/**
 * Makes a folder, and those that it lies in. Rejects with FT_DISK_FULL or FT_NOT_WRITABLE. Node's own `recursive` never
 * returns where the file system answers every new name with ENOENT, as /proc does.
 */
export async function makeFolder(dir: string): Promise<void> {
  try {
    if (await isFolder(dir)) return;
    if (dirname(dir) !== dir) await makeFolder(dirname(dir));
    await mkdir(dir);
  } catch (error) {
    // Another process may have made it meanwhile.
    if (!(await isFolder(dir))) throw diskError(error, dir);
  }
}
