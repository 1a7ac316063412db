import { stat } from 'node:fs/promises';

/** Whether a folder, or a link to one, lies at `path`; false also where that cannot be seen. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
