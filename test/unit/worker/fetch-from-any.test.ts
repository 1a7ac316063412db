import { describe, expect, it } from 'vitest';
import { FtctlError } from '../../../src/errors/index.js';
import { systemClock } from '../../../src/util/clock.js';
import { fetchFromAny } from '../../../src/worker/fetch-from-any.js';

const state = { round: 7, hash: 'h' };
const bytes = Buffer.from('state');

function asking(
  answer: (place: string, number: number) => Promise<Uint8Array>,
  o: { limitMs?: number; signal?: AbortSignal } = {},
) {
  const asked: string[] = [];
  const result = fetchFromAny(state, ['a', 'b'], {
    fetchState: (_state, place) => {
      asked.push(place);
      return answer(place, asked.length);
    },
    clock: systemClock,
    limitMs: o.limitMs ?? 10_000,
    signal: o.signal ?? new AbortController().signal,
  });
  return { asked, result };
}

const refused = () => Promise.reject(new FtctlError('FT_CALL_FAILED', { what: 'Refused.' }));

describe('fetching a state', () => {
  it('asks all that have it in turn, until one gives it', async () => {
    const { asked, result } = asking((_place, n) => (n < 4 ? refused() : Promise.resolve(bytes)));
    expect(await result).toBe(bytes);
    expect(asked).toEqual(['a', 'b', 'a', 'b']);
  });

  it('ends after the limit with what the last one said', async () => {
    const { asked, result } = asking(refused, { limitMs: 0 });
    await expect(result).rejects.toMatchObject({
      code: 'FT_STATE_NOT_GIVEN',
      message: 'The state of round 7 could not be had of a, b. Refused.',
      phase: 'recover',
    });
    expect(asked).toEqual(['a', 'b']);
  });

  it('ends at once when it is told to', async () => {
    const leave = new AbortController();
    const { result } = asking(refused, { signal: leave.signal });
    const reason = new FtctlError('FT_INTERRUPTED', { what: 'Given up.' });
    setTimeout(() => {
      leave.abort(reason);
    }, 5);
    await expect(result).rejects.toMatchObject({ code: 'FT_INTERRUPTED' });
  });
});
