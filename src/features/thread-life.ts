import type { Worker } from 'node:worker_threads';
import { FtctlError } from '../errors/index.js';

/** A thread that was asked to end is given so long (one backbone run and one commit) before it is cut off. */
const graceMs = 5000;

/**
 * Asks a thread to end, by `message`, and waits for its exit. It is terminated only after a grace period: a thread
 * that is cut off in the middle of a commit would keep lmdb's writer lock until the process ends.
 */
export async function endThread(thread: Worker, message: unknown): Promise<void> {
  if (thread.threadId === -1) return;
  const exited = new Promise<void>((resolve) =>
    thread.once('exit', () => {
      resolve();
    }),
  );
  thread.postMessage(message);
  const timer = setTimeout(() => void thread.terminate(), graceMs);
  await exited;
  clearTimeout(timer);
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
