/** Port: time. The simulator has its own; nothing below a composition root reads the machine's clock directly. */
export interface Clock {
  /** Milliseconds, monotonic, of no particular origin. */
  nowMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels. */
  setTimer(delayMs: number, callback: () => void): () => void;
}

/** The machine's clock. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};
