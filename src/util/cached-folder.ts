import { rename } from 'node:fs/promises';
import { isFolder } from './is-folder.js';

/** Renames; where another process was first, its folder has the same bytes and ours is dropped. */
export async function moveIntoPlace(unpacked: string, target: string): Promise<void> {
  try {
    await rename(unpacked, target);
  } catch (error) {
    if (!(await isFolder(target))) throw error;
  }
}
