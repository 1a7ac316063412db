import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { lockHolder, takeProcessLock } from './process-lock.js';

/** Where nobody can tell whether the maker lives, its folder is left alone for so long. */
const unknownAfterMs = 24 * 3600 * 1000;

/**
 * Makes a folder in `parent`, whose name starts with `prefix`, for something that is renamed into place when it is
 * whole; whoever makes it removes it. It holds a lock of this process (`lock.1`), so what is put in place has to be a
 * file or folder inside of it. First removes the folders with this prefix of dead processes. Rejects as the file system
 * does, or with an FtctlError of it.
 */
export async function makeTemporaryFolder(parent: string, prefix: string): Promise<string> {
  const made = await mkdtemp(join(parent, prefix));
  try {
    await takeProcessLock(made);
    // The folder's own time: the clock of a network file system may differ from ours.
    await removeDead(parent, prefix, (await stat(made)).mtimeMs);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw error;
  }
  return made;
}

async function removeDead(parent: string, prefix: string, nowMs: number): Promise<void> {
  const names = (await readdir(parent)).filter((name) => name.startsWith(prefix));
  for (const name of names) {
    const dir = join(parent, name);
    try {
      if (await isLeftBehind(dir, nowMs)) await rm(dir, { recursive: true, force: true });
    } catch {
      // Its owner removes it right now, or it belongs to another user: it is not needed here.
    }
  }
}

async function isLeftBehind(dir: string, nowMs: number): Promise<boolean> {
  const hasLock = (await readdir(dir)).some((name) => name.startsWith('lock.'));
  const holder = await lockHolder(dir);
  if (hasLock && holder === undefined) return true; // dead
  if (holder?.host === hostname()) return false;
  return nowMs - (await stat(dir)).mtimeMs > unknownAfterMs;
}
