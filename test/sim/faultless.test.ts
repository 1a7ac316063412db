import { describe, expect, it } from 'vitest';
import { numRounds, type Shape, trueStates } from './support/fake-trainer.js';
import { problemsOf } from './support/judge.js';
import { simulate } from './support/simulation.js';

const shape: Shape = { epochs: 2, steps: 3, numShards: 5, vectorLength: 6 };

describe('a run without faults', () => {
  for (const numWorkers of [1, 2, 3, 5]) {
    for (const twoHopFromElements of [1, 1000]) {
      const hops = twoHopFromElements === 1 ? 'two hops' : 'one hop';
      it(`finishes with the same state on ${numWorkers} workers in ${hops}`, async () => {
        const history = await simulate({
          seed: 1,
          numWorkers,
          shape,
          faults: [],
          twoHopFromElements,
        });
        expect(problemsOf(history)).toEqual([]);
        expect(history.outcome?.end).toEqual({
          status: 'finished',
          final: {
            kind: 'final',
            state: { round: 9, hash: trueStates(shape)[9] },
            path: 'final-9',
          },
        });
        expect(numRounds(shape)).toBe(9);
        expect(history.rounds).toEqual(Array.from({ length: numWorkers }, () => 9));
        expect(history.sessions).toEqual(Array.from({ length: numWorkers }, () => 'released'));
      });
    }
  }

  it('replays one history from one seed, and another from another', async () => {
    const play = async (seed: number): Promise<number> =>
      (await simulate({ seed, numWorkers: 3, shape, faults: [] })).traceHash;
    const first = await play(7);
    expect(await play(7)).toBe(first);
    expect(await play(8)).not.toBe(first);
  });
});
