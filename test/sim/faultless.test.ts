import { describe, expect, it } from 'vitest';
import { numRounds, type Shape, trueStates } from './support/fake-trainer.js';
import { problemsOf } from './support/judge.js';
import { simulatedLimits } from './support/history.js';
import { simulate } from './support/simulation.js';

const shape: Shape = { epochs: 2, steps: 3, numShards: 5, vectorLength: 6 };

describe('a run without faults', () => {
  for (const numWorkers of [1, 2, 3, 5]) {
    for (const [twoHopFromElements, bucketElements] of [
      [1, 1000],
      [1000, 1000],
      [1, 4],
      [1000, 4],
    ] as const) {
      const hops = twoHopFromElements === 1 ? 'two hops' : 'one hop';
      const buckets = bucketElements === 4 ? ' and buckets' : '';
      it(`finishes with the same state on ${numWorkers} workers in ${hops}${buckets}`, async () => {
        const history = await simulate({
          ...{ seed: 1, numWorkers, shape, faults: [] },
          ...{ twoHopFromElements, bucketElements },
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

  it('goes on from a checkpoint and ends with the state of the undisturbed run', async () => {
    const state = { round: 6, hash: trueStates(shape)[6]! };
    const bytes = Buffer.from(JSON.stringify({ ...state, best: 0 }));
    const resume = { state, epoch: 1, bytes };
    const history = await simulate({ seed: 1, numWorkers: 3, shape, faults: [], resume });
    expect(problemsOf(history)).toEqual([]);
    expect(history.outcome?.end).toMatchObject({
      final: { state: { round: 9, hash: trueStates(shape)[9] } },
    });
    const rounds = history.journal.flatMap((r) => (r.type === 'rounds' ? r.entries : []));
    expect(rounds.map(({ round }) => round)).toEqual([7, 8, 9]);
  });

  it('ends at once, with the same state, when it goes on from the last one', async () => {
    const state = { round: 9, hash: trueStates(shape)[9]! };
    const bytes = Buffer.from(JSON.stringify({ ...state, best: 0 }));
    const resume = { state, epoch: 1, bytes };
    const history = await simulate({ seed: 1, numWorkers: 3, shape, faults: [], resume });
    expect(problemsOf(history)).toEqual([]);
    expect(history.outcome?.end).toEqual({
      status: 'finished',
      final: { kind: 'final', state, path: 'final-9' },
    });
    expect(history.endedAtMs).toBeLessThan(simulatedLimits.toleranceMs);
  });

  it('replays one history from one seed, and another from another', async () => {
    const play = async (seed: number): Promise<number> =>
      (await simulate({ seed, numWorkers: 3, shape, faults: [] })).traceHash;
    const first = await play(7);
    expect(await play(7)).toBe(first);
    expect(await play(8)).not.toBe(first);
  });
});
