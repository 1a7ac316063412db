/**
 * The promise's outcome, or the signal's reason as soon as it is aborted. The work itself goes on: only the waiting
 * ends. The listener does not outlive the wait.
 */
export async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  // Where nobody waits for the work any more, its failure is no unhandled one.
  work.catch(() => undefined);
  signal.throwIfAborted();
  let stopWaiting: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stopWaiting = () => {
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stopWaiting, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stopWaiting);
  }
}
