import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LockHolder } from '../../../src/util/process-lock.js';

/** The pid of a process that has ended. */
export async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', '']);
  await once(child, 'exit');
  return child.pid!;
}

/** Locks a folder in the name of a process. */
export async function writeLock(dir: string, holder: LockHolder): Promise<void> {
  await writeFile(join(dir, 'lock.1'), JSON.stringify(holder));
}
