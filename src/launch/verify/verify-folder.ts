import { mkdir, rmdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { compactTime } from '../../state/run-folder.js';
import { diskError } from '../../util/atomic-file.js';
import { makeFolder } from '../../util/make-folder.js';

/** Makes a new folder `<runsDir>/verify-NAME-TIME` for the runs of one verification. Rejects with FT_NOT_WRITABLE or FT_DISK_FULL. */
export async function makeVerifyFolder(runsDir: string, name: string, now: Date): Promise<string> {
  const parent = resolve(runsDir);
  await makeFolder(parent);
  const stamp = compactTime(now);
  for (let number = 1; ; number += 1) {
    const dir = join(parent, `verify-${name}-${stamp}${number === 1 ? '' : `-${number}`}`);
    try {
      await mkdir(dir);
      return dir;
    } catch (error) {
      // Another verification of the same second.
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!isTaken) throw diskError(error, dir);
    }
  }
}

/** Removes the folder if there is no run in it. */
export async function removeIfEmpty(dir: string): Promise<void> {
  await rmdir(dir).catch(() => undefined);
}
