import { execFile, type ExecFileException } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  linkSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import { makeFolder } from '../util/make-folder.js';
import { threadEntry } from '../util/thread-entry.js';
import { lockFileBytes } from './lmdb-options.js';

/**
 * lmdb trusts its file: one that was cut short or overwritten ends the process by SIGBUS or SIGSEGV, and so does an
 * open that fails. So a folder is opened in this process only if its stamp says that the file is as a clean close
 * left it, or after a child process opened and walked it and lived.
 */
const dataFile = 'data.mdb';
const lockFile = 'lock.mdb';
const stampFile = 'clean';

const noSpace = 'no space is left on the disk';

/** A child that hangs (a file system without working locks) must not hang the run. */
const probeLimitMs = 60_000;

export type FolderVerdict =
  | { readonly state: 'usable'; readonly readOnly: boolean }
  | { readonly state: 'damaged'; readonly reason: string }
  | { readonly state: 'unusable'; readonly reason: string };

/** Whether the cache in `dir` (made if absent) can be opened here without risk, and how. Changes nothing else. */
export async function judgeFolder(dir: string, wantReadOnly: boolean): Promise<FolderVerdict> {
  const reason = wantReadOnly ? 'there is nothing to read' : await obstacle(dir);
  const readOnly = reason !== undefined;
  if (readOnly && !existsSync(join(dir, dataFile))) return { state: 'unusable', reason };
  if (!readOnly && isClean(dir)) return { state: 'usable', readOnly };
  return await probe(dir, readOnly);
}

/** Notes, after a close, that the file is whole: the next open needs no probe. */
export async function markClean(dir: string): Promise<void> {
  const stamp = stampOf(dir);
  if (stamp === undefined) return;
  // Best effort: without the stamp the next open costs a probe, nothing else.
  await writeFile(join(dir, stampFile), stamp).catch(() => undefined);
}

/** Renames a damaged cache to `<dir>.damaged` (an older one is deleted) so that a new one can be made. */
export async function moveAside(dir: string): Promise<string> {
  const target = `${dir}.damaged`;
  await rm(target, { recursive: true, force: true });
  await rename(dir, target);
  return target;
}

/** Why the folder cannot be written; undefined if it can. */
async function obstacle(dir: string): Promise<string | undefined> {
  try {
    await makeFolder(dir);
    accessSync(dir, constants.W_OK);
    allocateLockFile(dir);
    for (const name of [dataFile, lockFile]) {
      const path = join(dir, name);
      if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
    }
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return noSpace;
    const message = error instanceof Error ? error.message : String(error);
    return message.replace(/\.$/, '');
  }
}

/**
 * lmdb makes its lock file with holes and maps it: filling one on a full disk would be a SIGBUS, in whatever process
 * comes next. So the file is there with all its blocks before lmdb opens it (which takes it as it is).
 */
function allocateLockFile(dir: string): void {
  const path = join(dir, lockFile);
  if (existsSync(path)) return;
  const temporary = `${path}.${process.pid}-${threadId}`;
  try {
    writeFileSync(temporary, Buffer.alloc(lockFileBytes), { flush: true });
    // Unlike a rename, a link does not replace a file that another process made, and holds, by now.
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** lmdb reports a short write as EIO, so the disk is asked. 1 MiB: less than that is full for our purposes. */
export function isDiskFull(dir: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dir);
    return bavail * bsize < 1024 * 1024;
  } catch {
    return false;
  }
}

function isClean(dir: string): boolean {
  try {
    const stamp = stampOf(dir);
    return stamp !== undefined && readFileSync(join(dir, stampFile), 'utf8') === stamp;
  } catch {
    return false;
  }
}

/** Changes with every write to the file, ours or anyone's. */
function stampOf(dir: string): string | undefined {
  try {
    const { ino, size, mtimeNs } = statSync(join(dir, dataFile), { bigint: true });
    return `${String(ino)} ${String(size)} ${String(mtimeNs)}\n`;
  } catch {
    return undefined;
  }
}

function probe(dir: string, readOnly: boolean): Promise<FolderVerdict> {
  const entry = fileURLToPath(threadEntry(import.meta.url, './cache-probe.js'));
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [entry, dir, readOnly ? 'read' : 'write'],
      { timeout: probeLimitMs, killSignal: 'SIGKILL', env: { ...process.env, NODE_OPTIONS: '' } },
      (error, stdout) => {
        if (error === null) resolve({ state: 'usable', readOnly });
        else resolve(judgeProbe(error, stdout.trim(), isDiskFull(dir)));
      },
    );
  });
}

/** What a broken file makes of a process. Others (a Ctrl-C, the kernel short of memory) say nothing of the file. */
const crashes: readonly (string | null | undefined)[] = [
  'SIGSEGV',
  'SIGBUS',
  'SIGABRT',
  'SIGILL',
  'SIGFPE',
];

/** What the end of a failed probe says of the cache; `output` is the reason that it gave, if it came to that. */
export function judgeProbe(
  end: Pick<ExecFileException, 'code' | 'signal' | 'killed' | 'message'>,
  output: string,
  diskFull: boolean,
): FolderVerdict {
  if (end.killed === true) {
    return { state: 'unusable', reason: `opening it took over ${probeLimitMs / 1000} s` };
  }
  if (crashes.includes(end.signal)) {
    // On a full disk, lmdb's memory maps have no pages to stand on.
    return diskFull
      ? { state: 'unusable', reason: noSpace }
      : { state: 'damaged', reason: `reading it ends in ${String(end.signal)}` };
  }
  if (end.signal) return { state: 'unusable', reason: `its check was ended by ${end.signal}` };
  const reason = output === '' ? end.message : output;
  return { state: end.code === probeDamaged ? 'damaged' : 'unusable', reason };
}

/** Exit code of the probe for a file that was read and is not what lmdb wrote. */
export const probeDamaged = 3;
