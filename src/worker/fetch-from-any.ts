import { FtctlError } from '../errors/index.js';
import type { StateRef } from '../rpc/control-messages.js';
import type { Clock } from '../util/clock.js';
import type { SessionOptions } from './session.js';

/** Between two rounds of asking. */
const askAgainMs = 100;
/** A holder that is alive answers at once; one that is not is replaced in a new generation, which aborts the signal. */
const maxRounds = 100;

/**
 * A state from the first of `places` that gives it, in turn. Rejects with the signal's reason, or with what the last one said once all have
 * been asked often enough.
 */
export async function fetchFromAny(
  state: StateRef,
  places: readonly string[],
  o: {
    readonly fetchState: SessionOptions['fetchState'];
    readonly clock: Clock;
    readonly signal: AbortSignal;
  },
): Promise<Uint8Array> {
  let last: unknown;
  for (let i = 0; i < maxRounds * places.length; i += 1) {
    const place = places[i % places.length]!;
    try {
      return await o.fetchState(state, place, o.signal);
    } catch (error) {
      o.signal.throwIfAborted();
      last = error;
    }
    await sleep(askAgainMs, o);
  }
  throw FtctlError.from(last);
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
