/** The two ways to end a run early, as signals. */
export interface Interrupts {
  /** The first Ctrl-C, SIGTERM or SIGHUP: stop at the next step, with a checkpoint. */
  readonly graceful: AbortSignal;
  /** The second one: now. */
  readonly now: AbortSignal;
  /** Gives the signals back to Node. */
  dispose(): void;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Counts interrupts; a third one ends this process at once. `onInterrupt` is told how many there were. */
export function listenForInterrupts(onInterrupt: (count: number) => void): Interrupts {
  const graceful = new AbortController();
  const now = new AbortController();
  let count = 0;
  const onSignal = (): void => {
    count += 1;
    onInterrupt(count);
    if (count === 1) graceful.abort();
    else if (count === 2) now.abort();
    else process.exit(130);
  };
  for (const name of signals) process.on(name, onSignal);
  return {
    graceful: graceful.signal,
    now: now.signal,
    dispose() {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
