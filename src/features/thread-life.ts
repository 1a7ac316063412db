import type { Worker } from 'node:worker_threads';
import { FtctlError } from '../errors/index.js';

/** A thread that was asked to end is waited for so long: one backbone run and one commit. */
const graceMs = 5000;

/**
 * Asks a thread to end, by `message`, and waits for its exit, but not for ever. It is never terminated: cut off inside of
 * onnxruntime it would abort the process (engines/native-gate.ts), in the middle of a commit it would keep lmdb's writer lock.
 * One that takes too long ends by itself, and no longer keeps the process alive.
 */
export async function endThread(thread: Worker, message: unknown): Promise<void> {
  if (thread.threadId === -1) return;
  const exited = new Promise<void>((resolve) =>
    thread.once('exit', () => {
      resolve();
    }),
  );
  thread.postMessage(message);
  let timer: NodeJS.Timeout | undefined;
  const isLate = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([exited, isLate]);
  clearTimeout(timer);
  thread.unref();
}

/** Why a thread that should be running is not: what it threw, or its exit code. */
export function threadDeath(kind: 'feature' | 'image', cause: unknown): FtctlError {
  const why =
    typeof cause === 'number'
      ? `It ended with exit code ${cause}.`
      : `${cause instanceof Error ? cause.message : String(cause)}.`;
  return new FtctlError('FT_THREAD_LOST', {
    what: `A background thread (${kind} thread) ended unexpectedly.`,
    why,
    cause,
    phase: 'features',
  });
}
