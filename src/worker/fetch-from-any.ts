import { FtctlError } from '../errors/index.js';
import type { StateRef } from '../rpc/control-messages.js';
import type { Clock } from '../util/clock.js';

/** Fetches a state from whoever holds it: `coordinator`, or the worker at `host:port`. */
export type FetchState = (
  state: StateRef,
  holder: string,
  signal: AbortSignal,
) => Promise<Uint8Array>;

/** Between two rounds of asking. */
const askAgainMs = 100;

/**
 * A state from the first of `places` that gives it; all are asked in turn, for `limitMs` at least. A holder that dies meanwhile is replaced
 * in a new generation, which aborts the signal. Rejects with the signal's reason, or with FT_STATE_NOT_GIVEN.
 */
export async function fetchFromAny(
  state: StateRef,
  places: readonly string[],
  o: {
    readonly fetchState: FetchState;
    readonly clock: Clock;
    readonly limitMs: number;
    readonly signal: AbortSignal;
  },
): Promise<Uint8Array> {
  const beganMs = o.clock.nowMs();
  for (;;) {
    let last: unknown;
    for (const place of places) {
      try {
        return await o.fetchState(state, place, o.signal);
      } catch (error) {
        o.signal.throwIfAborted();
        last = error;
      }
    }
    if (o.clock.nowMs() - beganMs >= o.limitMs) throw notGiven(state, places, last);
    await sleep(askAgainMs, o);
  }
}

function notGiven({ round }: StateRef, places: readonly string[], cause: unknown): FtctlError {
  const last = FtctlError.from(cause);
  return new FtctlError('FT_STATE_NOT_GIVEN', {
    what: `The state of round ${round} could not be had of ${places.join(', ')}.`,
    why: last.message,
    cause: last,
    phase: 'recover',
    details: { round, places },
  });
}

function sleep(
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      cancel();
      reject(FtctlError.from(signal.reason));
    };
    const cancel = clock.setTimer(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
