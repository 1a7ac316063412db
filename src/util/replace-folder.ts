import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from './atomic-file.js';

/**
 * Puts a new folder in the place of `dir`, which need not be there: `fill` writes into a temporary one beside it. No file
 * of one is ever seen with files of the other. Between two renames there is no folder at all: a process that is
 * killed then leaves the old one under another name, see {@link settleFolder}. Rejects as the file system or `fill`
 * does; the old folder is then in its place. One process at a time.
 */
export async function replaceFolder(
  dir: string,
  fill: (fresh: string) => Promise<void>,
): Promise<void> {
  const { fresh, old } = namesBeside(dir);
  await settleFolder(dir);
  try {
    await mkdir(fresh, { recursive: true });
    await fill(fresh);
    await rename(dir, old).catch(ignoreAbsent);
    await rename(fresh, dir);
    await syncFolder(dirname(dir));
  } catch (error) {
    await settleFolder(dir).catch(() => undefined);
    throw error;
  }
  await settleFolder(dir);
}

/** After a process was killed as it replaced `dir`: puts the old folder back where there is none, removes the rest. */
export async function settleFolder(dir: string): Promise<void> {
  const { fresh, old } = namesBeside(dir);
  if (!(await exists(dir)) && (await exists(old))) {
    await rename(old, dir);
    await syncFolder(dirname(dir));
  }
  await rm(fresh, { recursive: true, force: true });
  await rm(old, { recursive: true, force: true });
}

function namesBeside(dir: string): { fresh: string; old: string } {
  const beside = (state: string): string => join(dirname(dir), `.${basename(dir)}.${state}`);
  return { fresh: beside('new'), old: beside('old') };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      ignoreAbsent(error);
      return false;
    },
  );
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
