/** The reason of an aborted signal, which may be anything, as an error to reject with. */
export function abortError(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error('Aborted.', { cause: reason });
}
