import { readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { diskError } from './atomic-file.js';
import { processExists } from './process-alive.js';

/** The process that holds a lock. `startedAt` tells a process from a later one that got the same pid. */
export interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Start time in clock ticks since boot, where the system tells (Linux); else null. */
  readonly startedAt: string | null;
}

export interface ProcessLock {
  /** Gives the lock back. Never rejects. */
  release(): Promise<void>;
}

const lockPattern = /^lock\.([1-9]\d*)$/;
/** A lock file that is still empty is being written, unless it is older than this: then its writer was killed. */
const writingLimitMs = 10_000;

/**
 * Takes the one lock of `dir`, or says who holds it. A dead holder's lock is taken over.
 *
 * The lock is the file `lock.N` with the highest N. Taking over from a dead holder of N creates N + 1 exclusively, so
 * that of several takers one wins, and none can delete a winner's file as a file by one name would allow. Who
 * created a file looks again and yields to any other living holder: two who raced from different views both look
 * after both files exist, so they cannot both stay.
 */
export async function takeProcessLock(
  dir: string,
  self: LockHolder = thisProcess(),
): Promise<{ lock: ProcessLock } | { heldBy: LockHolder | null }> {
  const before = await readLocks(dir);
  const holder = before.find((lock) => lock.isHeld);
  if (holder !== undefined) return { heldBy: holder.holder };
  const number = Math.max(0, ...before.map((lock) => lock.number)) + 1;
  const path = lockPath(dir, number);
  try {
    await writeFile(path, JSON.stringify(self), { flag: 'wx' });
  } catch (error) {
    if (isCode(error, 'EEXIST')) return { heldBy: (await lockHolder(dir)) ?? null };
    await unlink(path).catch(() => undefined);
    throw diskError(error, path);
  }
  const release = async (): Promise<void> => {
    await unlink(path).catch(() => undefined);
  };
  const rival = (await readLocks(dir)).find((lock) => lock.isHeld && lock.number !== number);
  if (rival !== undefined) {
    await release();
    return { heldBy: rival.holder };
  }
  for (const { number: old } of before) await unlink(lockPath(dir, old)).catch(() => undefined);
  return { lock: { release } };
}

/** The living process that holds the lock of `dir`; null for one that is just taking it; undefined: nobody. */
export async function lockHolder(dir: string): Promise<LockHolder | null | undefined> {
  return (await readLocks(dir)).find((lock) => lock.isHeld)?.holder;
}

/** This process, as a lock names it. */
export function thisProcess(): LockHolder {
  return {
    pid: process.pid,
    host: hostname(),
    startedAt: procStat(process.pid)?.startedAt ?? null,
  };
}

interface FoundLock {
  readonly number: number;
  readonly holder: LockHolder | null;
  readonly isHeld: boolean;
}

async function readLocks(dir: string): Promise<FoundLock[]> {
  const numbers = (await readdir(dir))
    .map((name) => Number(lockPattern.exec(name)?.[1] ?? 0))
    .filter((number) => number > 0)
    .sort((a, b) => b - a);
  const locks = await Promise.all(numbers.map((number) => readLock(dir, number)));
  return locks.filter((lock) => lock !== undefined);
}

async function readLock(dir: string, number: number): Promise<FoundLock | undefined> {
  const path = lockPath(dir, number);
  try {
    const holder = parseHolder(await readFile(path, 'utf8'));
    if (holder !== null) return { number, holder, isHeld: isAlive(holder) };
    const ageMs = Date.now() - (await stat(path)).mtimeMs;
    return { number, holder, isHeld: ageMs < writingLimitMs };
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined; // released meanwhile
    throw error;
  }
}

function parseHolder(text: string): LockHolder | null {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return null;
    const { pid, host, startedAt } = value as Partial<Record<keyof LockHolder, unknown>>;
    if (typeof pid !== 'number' || typeof host !== 'string') return null;
    return { pid, host, startedAt: typeof startedAt === 'string' ? startedAt : null };
  } catch {
    return null;
  }
}

function isAlive(holder: LockHolder): boolean {
  // On a shared file system nothing can be known of another machine's process: it is taken as alive.
  if (holder.host !== hostname()) return true;
  if (!processExists(holder.pid)) return false;
  const now = procStat(holder.pid);
  if (now === null) return true;
  if (now.state === 'Z' || now.state === 'X') return false; // dead, and not yet waited for by its parent
  return holder.startedAt === null || now.startedAt === holder.startedAt;
}

/** Fields 3 and 22 of /proc/PID/stat. The name in field 2 may hold spaces and parentheses: count after the last one. */
function procStat(pid: number): { state: string; startedAt: string } | null {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const [state, startedAt] = [fields[3 - 3], fields[22 - 3]];
    return state === undefined || startedAt === undefined ? null : { state, startedAt };
  } catch {
    return null; // no such file system here
  }
}

function lockPath(dir: string, number: number): string {
  return join(dir, `lock.${String(number)}`);
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
