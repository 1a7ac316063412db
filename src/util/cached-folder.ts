import { rename, stat } from 'node:fs/promises';

/** Renames; where another process was first, its folder has the same bytes and ours is dropped. */
export async function moveIntoPlace(unpacked: string, target: string): Promise<void> {
  try {
    await rename(unpacked, target);
  } catch (error) {
    if (!(await isFolder(target))) throw error;
  }
}

/** Whether there is a folder at `path`. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
